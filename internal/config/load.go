package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
)

// Load reads, completes and checks the configuration file at path. Mistakes in
// the file come joined, each an *Error.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration file: %w", err)
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("cannot find the folder of %s: %w", path, err)
	}
	return parse(path, data, surroundings{folder, os.LookupEnv, os.ReadFile})
}

// surroundings is what a configuration file may refer to.
type surroundings struct {
	folder    string // absolute; relative paths start here
	lookupEnv func(name string) (string, bool)
	readFile  func(path string) ([]byte, error)
}

// parse is Load without the file system. file is only for messages.
func parse(file string, data []byte, around surroundings) (*Config, error) {
	r := &report{file: file, lines: make(map[string]int)}
	root, ok := r.tree(data)
	if !ok {
		return nil, r.err()
	}
	c := new(Config)
	c.setDefaults()
	decoder{r}.value(root, reflect.ValueOf(c).Elem(), "")
	resolver{r, around}.config(c)
	validator{r}.config(c)
	if err := r.err(); err != nil {
		return nil, err
	}
	return c, nil
}
