package host

import (
	"context"
	"errors"
	"maps"
	"strconv"
)

// InitDB is a new cluster: see Instance.InitDB.
type InitDB struct {
	Superuser string
	Password  string
	Options   map[string]string // parameters for postgresql.conf, over the defaults of InitDB
}

const hba = `# Local TCP only; every role needs its password.
host  all          all  127.0.0.1/32  scram-sha-256
host  all          all  ::1/128       scram-sha-256
host  replication  all  127.0.0.1/32  scram-sha-256
host  replication  all  ::1/128       scram-sha-256
`

// InitDB makes the data directory of a primary that standbys can follow: on
// 127.0.0.1 and the node's port, without Unix sockets, with checksums, in
// UTF-8 and the C locale. The directory must be missing or empty. fsync=off in
// Options also makes initdb itself skip its syncs.
func (i *Instance) InitDB(ctx context.Context, d InitDB) error {
	if d.Password == "" {
		return i.fail("initdb", errors.New("the superuser needs a password"))
	}
	if err := i.initdb(ctx, d); err != nil {
		return i.fail("initdb", err)
	}
	if err := i.writeConfiguration(d); err != nil {
		return i.fail("initdb", err)
	}
	return nil
}

func (i *Instance) initdb(ctx context.Context, d InitDB) (err error) {
	if err := i.machine.MkdirAll(i.node.DataDirectory, 0o700); err != nil {
		return err
	}
	secret := i.node.DataDirectory + ".initdb-password"
	if err := i.machine.WriteFile(secret, []byte(d.Password+"\n"), 0o600); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.machine.RemoveAll(secret)) }()
	args := []string{
		"-D", i.node.DataDirectory, "-U", d.Superuser, "-A", "scram-sha-256", "--pwfile", secret,
		"-E", "UTF8", "--locale", "C", "--data-checksums",
	}
	if d.Options["fsync"] == "off" {
		args = append(args, "--no-sync")
	}
	_, err = i.run(ctx, Command{Path: "initdb", Args: args})
	return err
}

func (i *Instance) writeConfiguration(d InitDB) error {
	set := map[string]string{
		"port":                    strconv.Itoa(i.node.Port),
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": "",
		"password_encryption":     "scram-sha-256",
		"wal_level":               "replica",
		"max_wal_senders":         "16",
		"max_replication_slots":   "16",
		"hot_standby":             "on",
		"wal_keep_size":           "256MB",
		"wal_log_hints":           "on",
	}
	maps.Copy(set, d.Options)
	path := i.file("postgresql.conf")
	old, err := i.machine.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := editSettings(old, set, nil)
	if err != nil {
		return err
	}
	if err := i.machine.WriteFile(path, text, 0o600); err != nil {
		return err
	}
	return i.machine.WriteFile(i.file("pg_hba.conf"), []byte(hba), 0o600)
}
