package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pgherd/pgherd/internal/cluster"
	"github.com/pgherd/pgherd/internal/host"
)

// superuser is what every cluster is made with.
var superuser = cluster.Credentials{User: "bench", Password: "bench", Database: "bench"}

// system is where PostgreSQL was found, and the template to copy.
type system struct {
	machine  host.Machine
	bin      string
	template string
}

// prepare runs once per test process.
var prepare = sync.OnceValues(func() (system, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	m, err := host.LocalUser("postgres")
	if err != nil {
		return system{}, err
	}
	bin, err := host.FindNewest(ctx, m)
	if err != nil {
		return system{}, err
	}
	s := system{machine: m, bin: bin}
	s.template, err = s.findTemplate(ctx)
	return s, err
})

// findTemplate makes the template unless another test process has. The name
// carries what it was made of; the last number is raised with initialize.
func (s *system) findTemplate(ctx context.Context) (string, error) {
	version, err := s.machine.Run(ctx, host.Command{Path: filepath.Join(s.bin, "postgres"), Args: []string{"--version"}})
	if err != nil {
		return "", err
	}
	number := strings.Fields(string(version))[2]
	place := filepath.Join(scratch(), fmt.Sprintf("pgherd-template-%d-%s-1", os.Getuid(), number))
	if made, err := s.machine.Exists(place); err != nil || made {
		return place, err
	}
	fresh := fmt.Sprintf("%s.%d", place, os.Getpid())
	if err := s.initialize(ctx, fresh); err != nil {
		return "", errors.Join(err, s.machine.RemoveAll(fresh))
	}
	return place, s.publish(fresh, place)
}

// publish is a rename: of two processes that made one, the first wins.
func (s *system) publish(fresh, place string) error {
	err := s.machine.Rename(fresh, place)
	if err == nil {
		return nil
	}
	if made, _ := s.machine.Exists(place); made {
		return s.machine.RemoveAll(fresh)
	}
	return err
}

// initialize runs initdb and makes database bench, in single-user mode: that is
// faster than starting a server.
func (s *system) initialize(ctx context.Context, dir string) error {
	i := host.Open(s.machine, cluster.Node{DataDirectory: dir}, s.bin)
	err := i.InitDB(ctx, host.InitDB{
		Superuser: superuser.User,
		Password:  superuser.Password,
		Options: map[string]string{
			"port":                        "1", // every copy gets its own
			"fsync":                       "off",
			"shared_buffers":              "16MB",
			"dynamic_shared_memory_type":  "mmap", // leaves nothing in /dev/shm after kill -9
			"wal_retrieve_retry_interval": "100ms",
			"log_line_prefix":             "%m [%p] %q%u@%d ",
		},
	})
	if err != nil {
		return err
	}
	_, err = s.machine.Run(ctx, host.Command{
		Path:  filepath.Join(s.bin, "postgres"),
		Args:  []string{"--single", "-D", dir, "-c", "exit_on_error=on", "postgres"},
		Stdin: strings.NewReader("CREATE DATABASE " + superuser.Database + "\n"),
	})
	return err
}

// copyTo makes a data directory out of the template.
func (s *system) copyTo(ctx context.Context, dir string) error {
	_, err := s.machine.Run(ctx, host.Command{
		Path: "cp", Args: []string{"-a", "--reflink=auto", s.template, dir},
	})
	return err
}
