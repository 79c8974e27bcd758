package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var rewrite = flag.Bool("rewrite", false, "write what was answered into testdata")

// TestMain has times shown in the same zone everywhere.
func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

// TestScenarios plays testdata/*.txt. A block is a line with the protocol
// (simple, extended or both) and the user, a query string, "----", and what the
// client sees.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { playFile(t, file) })
	}
}

func playFile(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var played []string
	for _, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		question, want, _ := strings.Cut(block, "----")
		got := playBlock(t, question, strings.TrimSpace(want))
		played = append(played, question+"----\n"+got)
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(strings.Join(played, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func playBlock(t *testing.T, question, want string) (got string) {
	head, sql, _ := strings.Cut(question, "\n")
	protocol, user, _ := strings.Cut(head, " ")
	protocols := map[string][]string{"simple": {"simple"}, "extended": {"extended"}, "both": {"simple", "extended"}}
	for _, p := range protocols[protocol] {
		got = ask(t, p, user, strings.TrimSuffix(sql, "\n"))
		if got != want && !*rewrite {
			t.Errorf("%s by %s (%s)\ngot:\n%s\nwant:\n%s", sql, user, p, got, want)
		}
	}
	return got
}

var elapsed = regexp.MustCompile(`\(\d+\.\d{3} s\)`)

// ask sends the query string in a session of its own and prints the answer.
func ask(t *testing.T, protocol, user, sql string) string {
	var lines []string
	conn := serve(t, testConsole(&engines{})).connect(t, user, func(n *pgconn.Notice) {
		lines = append(lines, n.Severity+" "+n.Code+": "+elapsed.ReplaceAllString(n.Message, "(0.000 s)"))
	})
	results, err := exec(t.Context(), conn, protocol, sql)
	for _, r := range results {
		lines = append(lines, printResult(r)...)
	}
	if err != nil {
		lines = append(lines, printError(err)...)
	}
	return strings.Join(lines, "\n")
}

func exec(ctx context.Context, conn *pgx.Conn, protocol, sql string) ([]*pgconn.Result, error) {
	if protocol == "simple" {
		return conn.PgConn().Exec(ctx, sql).ReadAll()
	}
	r := conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	if r.Err != nil {
		return nil, r.Err
	}
	return []*pgconn.Result{r}, nil
}

func printResult(r *pgconn.Result) []string {
	var lines, names []string
	for _, f := range r.FieldDescriptions {
		names = append(names, f.Name)
	}
	if len(names) > 0 {
		lines = append(lines, strings.Join(names, "|"))
	}
	for _, row := range r.Rows {
		var values []string
		for _, v := range row {
			values = append(values, string(v))
		}
		lines = append(lines, strings.Join(values, "|"))
	}
	if r.CommandTag.String() == "" {
		return append(lines, "= nothing")
	}
	return append(lines, "= "+r.CommandTag.String())
}

func printError(err error) []string {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return []string{err.Error()}
	}
	lines := []string{e.Severity + " " + e.Code + ": " + e.Message}
	if e.Detail != "" {
		lines = append(lines, "DETAIL: "+e.Detail)
	}
	if e.Hint != "" {
		lines = append(lines, "HINT: "+e.Hint)
	}
	if e.Position != 0 {
		lines = append(lines, fmt.Sprintf("POSITION: %d", e.Position))
	}
	return lines
}
