package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// setting is what the configuration files of a stopped server say of a parameter.
func (i *Instance) setting(ctx context.Context, name string) (string, error) {
	args := []string{"-D", i.node.DataDirectory, "-C", name}
	if file := i.configFile(); file != "" {
		args = append(args, "-c", "config_file="+file)
	}
	out, err := i.run(ctx, Command{Path: "postgres", Args: args})
	if err != nil {
		return "", i.fail(name, err)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

const (
	archiveReady = ".ready" // in pg_wal/archive_status: to be archived
	archiveDone  = ".done"
)

// ArchiveReady archives what a stopped server had completed of its log and not
// archived yet, as its archiver would (archive_command, archive_mode). It returns the
// files that it has archived, and stops at the first that fails.
func (i *Instance) ArchiveReady(ctx context.Context) (done []string, err error) {
	files, err := i.readyFiles()
	if err != nil || len(files) == 0 {
		return nil, err
	}
	command, err := i.archiveCommand(ctx)
	if err != nil || command == "" {
		return nil, err
	}
	status := i.file(filepath.Join("pg_wal", "archive_status"))
	for _, name := range files {
		if err := i.archive(ctx, command, name); err != nil {
			return done, i.fail("archive "+name, err)
		}
		if err := i.machine.Rename(filepath.Join(status, name+archiveReady), filepath.Join(status, name+archiveDone)); err != nil {
			return done, i.fail("archive "+name, err)
		}
		done = append(done, name)
	}
	return done, nil
}

// readyFiles come in the archiver's order: histories, then the log from its oldest on.
func (i *Instance) readyFiles() ([]string, error) {
	entries, err := i.machine.ReadDir(i.file(filepath.Join("pg_wal", "archive_status")))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var histories, segments []string
	for _, e := range entries {
		name, ready := strings.CutSuffix(e.Name(), archiveReady)
		switch {
		case !ready:
		case strings.HasSuffix(name, ".history"):
			histories = append(histories, name)
		default:
			segments = append(segments, name)
		}
	}
	slices.Sort(histories)
	slices.Sort(segments)
	return append(histories, segments...), err
}

// archiveCommand is "" when nothing is to be archived.
func (i *Instance) archiveCommand(ctx context.Context) (string, error) {
	mode, err := i.setting(ctx, "archive_mode")
	if err != nil || mode == "off" {
		return "", err
	}
	command, err := i.setting(ctx, "archive_command")
	if err == nil && command == "" {
		err = i.fail("archive", errors.New("archive_mode is on, and there is no archive_command to run"))
	}
	return command, err
}

func (i *Instance) archive(ctx context.Context, command, name string) error {
	there, err := i.machine.Exists(i.file(filepath.Join("pg_wal", name)))
	if err == nil && !there {
		err = fmt.Errorf("%s is not in pg_wal", name)
	}
	if err != nil {
		return err
	}
	text := strings.NewReplacer("%%", "%", "%p", "pg_wal/"+name, "%f", name).Replace(command)
	_, err = i.machine.Run(ctx, Command{Path: "/bin/sh", Args: []string{"-c", text}, Dir: i.node.DataDirectory})
	return err
}
