package corpus

import (
	"os"
	"path/filepath"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// Text is one thing to be sent: a statement, or several on one line.
type Text struct {
	SQL  string
	Data string // behind COPY ... FROM STDIN
	From string // the file's name
}

// Read cuts the file, written for psql, into texts. psql's own commands are left out,
// so some texts are not what their author meant, or no SQL at all.
func Read(name string) ([]Text, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return cut(string(content), filepath.Base(name)), nil
}

func cut(content, from string) (list []Text) {
	var sql strings.Builder
	lines := strings.Split(content, "\n")
	for i := 0; i < len(lines); i++ {
		line := withoutCommands(lines[i])
		sql.WriteString(line + "\n")
		if !strings.HasSuffix(strings.TrimRight(line, " \t\r"), ";") || !terminated(sql.String()) {
			continue
		}
		text := Text{SQL: strings.TrimSpace(sql.String()), From: from}
		sql.Reset()
		if takesData(text.SQL) {
			end := i + 1
			for end < len(lines) && lines[end] != `\.` {
				end++
			}
			text.Data = strings.Join(append(lines[i+1:min(end, len(lines))], ""), "\n")
			i = end
		}
		list = append(list, text)
	}
	return list
}

// withoutCommands replaces what psql takes for its own.
func withoutCommands(line string) string {
	if strings.HasPrefix(line, `\`) {
		return ""
	}
	for _, command := range []string{`\gset`, `\gexec`, `\gdesc`, `\gx`, `\g`, `\;`} {
		if before, _, found := strings.Cut(line, command); found {
			return before + ";"
		}
	}
	return line
}

// terminated says whether no quote or comment is open, by PostgreSQL's own scanner.
func terminated(sql string) bool {
	_, err := pg.Scan(sql)
	return err == nil || !strings.Contains(err.Error(), "unterminated")
}

func takesData(sql string) bool {
	lower := strings.ToLower(sql)
	return strings.Contains(lower, "copy") && strings.Contains(lower, "from stdin")
}
