package host

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pgherd/pgherd/internal/cluster"
)

func TestParseControl(t *testing.T) {
	for name, want := range map[string]Control{
		"shutdown.controldata": {
			SystemIdentifier: "7710589060572530541", State: "shut down", Timeline: 1,
			CheckpointLSN: 0x1B83DA8, RedoLSN: 0x1B83DA8, Horizon: 726, WALLogHints: true, Checksums: true, WALSegmentSize: 16 << 20,
		},
		"standby.controldata": {
			SystemIdentifier: "7301225112345678901", State: "in archive recovery", Timeline: 3,
			CheckpointLSN: 0xA_1B000060, RedoLSN: 0xA_1A000028, Horizon: 726,
			MinRecoveryEnd: 0xA_1C0000A8, MinRecoveryTimeline: 4, WALSegmentSize: 64 << 20,
		},
	} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseControl(data)
		if err != nil || got != want {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", name, err, got, want)
		}
	}
}

func TestParseControlComplains(t *testing.T) {
	whole, err := os.ReadFile("testdata/shutdown.controldata")
	if err != nil {
		t.Fatal(err)
	}
	for old, fault := range map[string]string{
		"Database cluster state:": `no "Database cluster state"`,
		"0/1B83DA8":               "not a log position",
		"16777216":                "invalid syntax",
	} {
		_, err := parseControl(bytes.ReplaceAll(whole, []byte(old), []byte("?")))
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("without %s: %v", old, err)
		}
	}
}

func TestCleanlyStopped(t *testing.T) {
	for state, want := range map[string]bool{
		"shut down": true, "shut down in recovery": true, "in production": false, "shutting down": false,
	} {
		if got := (Control{State: state}).CleanlyStopped(); got != want {
			t.Errorf("%q: %v", state, got)
		}
	}
}

func TestRecordEnd(t *testing.T) {
	const segment = 16 << 20
	for _, c := range []struct {
		what        string
		start, want cluster.LSN
		size        uint64
	}{
		{"aligned up", 0x1000028, 0x10000A0, 114},
		{"exactly to the end of a page", 0x1002000 - 112, 0x1002000, 112},
		{"over a page", 0x1002000 - 64, 0x1002000 + 24 + 56, 114},
		{"over a segment", 0x2000000 - 64, 0x2000000 + 40 + 56, 114},
		{"over two pages", 0x1002000 - 8, 0x1004000 + 24 + 16, 8 + 8192 - 24 + 16},
	} {
		if got := recordEnd(c.start, c.size, segment); got != c.want {
			t.Errorf("%s: got %v, want %v", c.what, got, c.want)
		}
	}
}

func TestParseRecordSize(t *testing.T) {
	const good = "rmgr: XLOG        len (rec/tot):    114/   115, tx:          0, lsn: 0/01B83DA8, prev 0/01B83D60, " +
		"desc: CHECKPOINT_SHUTDOWN redo 0/1B83DA8; tli 1; prev tli 1; fpw true; xid 0:735"
	if n, err := parseRecordSize(good); n != 115 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	for _, bad := range []string{"", strings.Replace(good, "CHECKPOINT_SHUTDOWN", "CHECKPOINT_ONLINE", 1), strings.Replace(good, "/", " ", 1)} {
		if n, err := parseRecordSize(bad); err == nil {
			t.Errorf("%q: %d", bad, n)
		}
	}
}

func TestParseProgress(t *testing.T) {
	for line, want := range map[string][2]int64{
		"    0/32767 kB (0%), 0/1 tablespace (/data/n1.new-1/backup_label         )": {0, 32767 * 1024},
		"32777/32777 kB (100%), 1/1 tablespace":                                      {32777 * 1024, 32777 * 1024},
	} {
		done, total, ok := parseProgress(line)
		if !ok || done != want[0] || total != want[1] {
			t.Errorf("%q: %d, %d, %v", line, done, total, ok)
		}
	}
	for _, line := range []string{"", "pg_basebackup: 1/2 kB (3%)", "1/2 kB", "99999999999999999999/1 kB (1%)"} {
		if _, _, ok := parseProgress(line); ok {
			t.Errorf("%q passes for progress", line)
		}
	}
}

func FuzzParseProgress(f *testing.F) {
	f.Add("32777/32777 kB (100%), 1/1 tablespace")
	f.Add("9223372036854775807/9223372036854775807 kB (100%)")
	f.Fuzz(func(t *testing.T, line string) {
		done, total, ok := parseProgress(line)
		if done < 0 || total < 0 || (!ok && done+total != 0) {
			t.Errorf("%q: %d, %d, %v", line, done, total, ok)
		}
	})
}

func FuzzParseRecordSize(f *testing.F) {
	f.Add("len (rec/tot): 114/ 114, desc: CHECKPOINT_SHUTDOWN")
	f.Fuzz(func(t *testing.T, line string) {
		if n, err := parseRecordSize(line); err == nil && recordEnd(0x1000028, n%100000, 16<<20) < 0x1000028 {
			t.Errorf("%q: %d", line, n)
		}
	})
}

func TestFindBinaries(t *testing.T) {
	if testing.Short() {
		t.Skip("needs PostgreSQL's programs, which -short is not for")
	}
	l, dir := here(t)
	newest, err := FindNewest(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	major, err := serverMajor(t.Context(), l, newest)
	if err != nil || major < oldestMajor {
		t.Fatalf("%s: version %d, %v", newest, major, err)
	}
	if bin, err := FindBinaries(t.Context(), l, dir); bin != newest || err != nil {
		t.Errorf("for an empty directory: %q, %v", bin, err)
	}
	for version, complaint := range map[string]string{"9.6": "not a major version", "12": "13 to 18", "99": "13 to 18"} {
		if err := l.WriteFile(filepath.Join(dir, "PG_VERSION"), []byte(version+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := FindBinaries(t.Context(), l, dir); err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("version %s: %v", version, err)
		}
	}
}

func TestFindExplains(t *testing.T) {
	l, dir := here(t)
	never := func(int) bool { return false }
	_, err := find(t.Context(), l, []string{dir}, never, "PostgreSQL 17", "postgresql-17")
	if err == nil || !strings.Contains(err.Error(), dir+" (no server there)") || !strings.Contains(err.Error(), "install") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := find(ctx, l, []string{dir}, never, "", ""); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		`"host='h' password='it\'s \\ x' user='u'"`:         `"host='h' password=*** user='u'"`,
		`SET primary_conninfo TO 'password=''x y'' port=1'`: `SET primary_conninfo TO 'password=*** port=1'`,
		`"host=h PASSWORD = plain port=1"`:                  `"host=h PASSWORD = *** port=1"`,
		`password authentication failed for user "u"`:       `password authentication failed for user "u"`,
	} {
		if got := redact(text); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}
