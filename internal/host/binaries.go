package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

const (
	oldestMajor = 13
	newestMajor = 18
)

// FindBinaries returns the directory of the PostgreSQL programs of the major
// version of dataDirectory (its PG_VERSION); the newest when the directory is
// missing or empty. It looks where Debian and Red Hat keep them, then where
// pg_config says, then in PATH.
func FindBinaries(ctx context.Context, m Machine, dataDirectory string) (string, error) {
	major, err := MajorVersion(m, dataDirectory)
	if errors.Is(err, fs.ErrNotExist) {
		return FindNewest(ctx, m)
	}
	if err != nil {
		return "", err
	}
	if major < oldestMajor || major > newestMajor {
		return "", fmt.Errorf("data_directory %s: it was made by PostgreSQL %d; versions %d to %d are supported",
			dataDirectory, major, oldestMajor, newestMajor)
	}
	return findMajor(ctx, m, major, fmt.Sprintf("PostgreSQL %d (the version of data_directory %s)", major, dataDirectory))
}

// FindMajor returns the directory of the programs of a major version.
func FindMajor(ctx context.Context, m Machine, major int) (string, error) {
	return findMajor(ctx, m, major, fmt.Sprintf("PostgreSQL %d", major))
}

func findMajor(ctx context.Context, m Machine, major int, what string) (string, error) {
	return find(ctx, m, append(packaged(major), fromPath(ctx, m)...), func(v int) bool { return v == major },
		what, fmt.Sprintf("postgresql-%d", major))
}

// FindNewest returns the directory of the newest PostgreSQL programs that can
// make and run a server.
func FindNewest(ctx context.Context, m Machine) (string, error) {
	var dirs []string
	for major := newestMajor; major >= oldestMajor; major-- {
		dirs = append(dirs, packaged(major)...)
	}
	dirs = append(dirs, fromPath(ctx, m)...)
	return find(ctx, m, dirs, func(v int) bool { return v >= oldestMajor && v <= newestMajor },
		fmt.Sprintf("PostgreSQL %d to %d", oldestMajor, newestMajor), "postgresql")
}

func packaged(major int) []string {
	return []string{fmt.Sprintf("/usr/lib/postgresql/%d/bin", major), fmt.Sprintf("/usr/pgsql-%d/bin", major)}
}

// fromPath is where pg_config says the programs are, and where PATH has
// pg_ctl: both may belong to any version.
func fromPath(ctx context.Context, m Machine) []string {
	var dirs []string
	if out, err := m.Run(ctx, Command{Path: "pg_config", Args: []string{"--bindir"}}); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	out, err := m.Run(ctx, Command{Path: "sh", Args: []string{"-c", "command -v pg_ctl"}})
	if dir := filepath.Dir(strings.TrimSpace(string(out))); err == nil && filepath.IsAbs(dir) {
		dirs = append(dirs, dir)
	}
	return dirs
}

// find returns the first directory whose server is of a wanted version.
func find(ctx context.Context, m Machine, dirs []string, want func(major int) bool, what, install string) (string, error) {
	var looked []string
	for _, dir := range dirs {
		major, err := serverMajor(ctx, m, dir)
		if err == nil && want(major) {
			return dir, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		looked = append(looked, dir+" ("+whyNot(major, err)+")")
	}
	return "", fmt.Errorf("no programs of %s found; looked in %s and PATH: install the server package (%s on Debian)",
		what, strings.Join(looked, ", "), install)
}

func whyNot(major int, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no server there"
	case err != nil:
		return err.Error()
	}
	return fmt.Sprintf("version %d", major)
}

var versionNumber = regexp.MustCompile(`\) (\d+)`)

// serverMajor asks dir's server: "postgres (PostgreSQL) 15.4 (Debian ...)".
func serverMajor(ctx context.Context, m Machine, dir string) (int, error) {
	path := filepath.Join(dir, "postgres")
	if ok, err := m.Exists(path); err != nil || !ok {
		return 0, errors.Join(err, fs.ErrNotExist)
	}
	out, err := m.Run(ctx, Command{Path: path, Args: []string{"--version"}})
	if err != nil {
		return 0, err
	}
	found := versionNumber.FindSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("unknown version %q", bytes.TrimSpace(out))
	}
	return strconv.Atoi(string(found[1]))
}

// MajorVersion reads PG_VERSION; fs.ErrNotExist when there is none.
func MajorVersion(m Machine, dataDirectory string) (int, error) {
	path := filepath.Join(dataDirectory, "PG_VERSION")
	data, err := m.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("data_directory: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a major version", path, bytes.TrimSpace(data))
	}
	return major, nil
}
