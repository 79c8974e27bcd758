package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Record is what survives a restart of pgherd.
type Record struct {
	SystemIdentifier string // of the cluster; "" until first seen
	Epoch            Epoch
	Primary          NodeID
	Switches         []Switch `json:",omitempty"`
	Nodes            []string `json:",omitempty"` // addresses of those that the numbers mean
	Down             []NodeID `json:",omitempty"` // detached by command: they stay out
	Journal          *Entry   `json:",omitempty"` // the operation in flight

	Promised    bool        `json:",omitempty"` // Primary was chosen, and not seen to have left recovery
	Synchronous Synchronous `json:",omitzero"`
	Demoted     []NodeID    `json:",omitempty"` // primaries that a switchover has made, or was about to make, read-only
	Astray      []NodeID    `json:",omitempty"` // standbys that a failover has stopped, or not reached: they are to follow the primary when they can
}

// Synchronous says where commits that were acknowledged are: each of them on at
// least Acks of the Members and Others (synchronous_standby_names). It is
// remembered because a primary that has died cannot be asked.
type Synchronous struct {
	Acks    int      // 0: commits wait for nobody
	Members []NodeID // in order
	Others  int      // synchronous standbys that are no nodes of ours
}

// Equal compares two sets.
func (a Synchronous) Equal(b Synchronous) bool {
	return a.Acks == b.Acks && a.Others == b.Others && slices.Equal(a.Members, b.Members)
}

// Entry journals one operation: it is written before each step is carried out.
type Entry struct {
	Kind  string // promote, failover, recover
	From  NodeID
	To    NodeID
	Phase string
	Since time.Time
}

// ErrDamaged is returned by OpenStore when the file exists and cannot be
// trusted. The error names the file and the remedy: starting without what it
// said might let a returning old primary take writes.
var ErrDamaged = errors.New("the state file is damaged")

// remedy is the same for everything that keeps the file from being read.
const remedy = "stop every PostgreSQL node that must not be the primary, move the file away and start pgherd again: " +
	"it then asks the nodes which one is the primary; DETACH again what was detached"

// ErrStaleEpoch is returned by Save for a record older than the stored one.
var ErrStaleEpoch = errors.New("state file has a newer epoch")

// Store keeps the Record in one file, replaced atomically and synced. It is
// meant for one writer.
type Store struct {
	path string
	last Record
}

// version of the file's format.
const version = 1

type envelope struct {
	Version int
	CRC32   uint32
	Record  json.RawMessage
}

// OpenStore makes dir when it is missing (mode 0700) and loads what is there.
func OpenStore(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state_dir: %w", err)
	}
	s := &Store{path: filepath.Join(dir, "pgherd.state"), last: Record{Primary: NoNode}}
	data, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state file: %w", err)
	}
	if err := s.decode(data); err != nil {
		return nil, fmt.Errorf("%s: %w; %s", s.path, err, remedy)
	}
	return s, nil
}

func (s *Store) decode(data []byte) error {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if e.Version != version {
		return fmt.Errorf("%w or of another pgherd: its format is %d, expected %d", ErrDamaged, e.Version, version)
	}
	if crc32.ChecksumIEEE(e.Record) != e.CRC32 {
		return fmt.Errorf("%w: its checksum does not match", ErrDamaged)
	}
	if err := json.Unmarshal(e.Record, &s.last); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// Load returns the record as last saved.
func (s *Store) Load() Record { return s.last }

// Save writes r durably before it returns. An epoch lower than the stored one
// is refused with ErrStaleEpoch.
func (s *Store) Save(r Record) error {
	if r.Epoch < s.last.Epoch {
		return fmt.Errorf("%w: have %d, asked to write %d", ErrStaleEpoch, s.last.Epoch, r.Epoch)
	}
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	data, err := json.Marshal(envelope{Version: version, CRC32: crc32.ChecksumIEEE(body), Record: body})
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	if err := replaceFile(s.path, data); err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	s.last = r
	return nil
}

// reserve is what a file has at least: it is written over in place, so that a disk that
// is full does not keep pgherd from noting who is to be the primary.
const reserve = 16 << 10

// replaceFile makes path hold data, whole or not at all, across a crash. The file that
// was there stays beside it, to be written over the next time.
func replaceFile(path string, data []byte) error {
	tmp := path + ".tmp"
	if pad := reserve - len(data); pad > 0 {
		data = append(data, bytes.Repeat([]byte{'\n'}, pad)...)
	}
	if err := writeOver(tmp, data); err != nil {
		return err
	}
	if unix.Renameat2(unix.AT_FDCWD, tmp, unix.AT_FDCWD, path, unix.RENAME_EXCHANGE) != nil {
		if err := os.Rename(tmp, path); err != nil { // there is none yet, or the file system can't
			return err
		}
		_ = writeOver(tmp, data) // the reserve: without it, the next time needs room
	}
	return syncDir(filepath.Dir(path))
}

// writeOver keeps the room that a file has.
func writeOver(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Truncate(int64(len(data)))
	}
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
