package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pgherd/pgherd/internal/host"
	"github.com/pgherd/pgherd/recovery"
)

// askFunctions looks for what access sql needs on the node: any may be the primary,
// whose functions stop it, and start and recover the others.
func (c *nodeCheck) askFunctions(ctx context.Context, s recovery.Scripts) (string, error) {
	conn, err := pgx.Connect(ctx, c.OwnConninfo(s.Credentials).With("dbname", s.Credentials.Database).String())
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	scripts := s.Names()
	f, err := host.FindFunctions(ctx, conn, scripts...)
	if err != nil {
		return "", err
	}
	err = f.Check()
	if f.Superuser {
		err = errors.Join(err, c.worksThere(ctx, conn, f.Directory))
	}
	well := fmt.Sprintf("pgpool_pgctl runs %s; scripts: %s", f.PgCtl, strings.Join(scripts, ", "))
	if s.FirstStage == "" {
		well += "; RECOVER NODE needs recovery.recovery_1st_stage_command too"
	}
	return well, err
}

// worksThere: scripts must not replace another server's directory.
func (c *nodeCheck) worksThere(ctx context.Context, conn *pgx.Conn, directory string) error {
	same, err := host.WorksIn(ctx, conn, c.DataDirectory)
	if err == nil && !same {
		err = fmt.Errorf("the server at %s works in %s: correct data_directory, which is %s", c.Address(), directory, c.DataDirectory)
	}
	return err
}
