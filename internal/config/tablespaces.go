package config

import (
	"path/filepath"
	"strconv"
	"strings"
)

// Tablespaces is TablespaceMapping by OLDDIR, the path of a tablespace on the node that
// is copied. Both paths are clean, as PostgreSQL keeps them.
func (n Node) Tablespaces() map[string]string {
	paths := make(map[string]string, len(n.TablespaceMapping))
	for _, entry := range n.TablespaceMapping {
		old, to := splitMapping(entry)
		paths[old] = to
	}
	return paths
}

// splitMapping reads what pg_basebackup's --tablespace-mapping takes: an equals sign that
// belongs to a path has a backslash before it.
func splitMapping(entry string) (old, to string) {
	for i := range len(entry) {
		if entry[i] == '=' && (i == 0 || entry[i-1] != '\\') {
			return cleanPath(entry[:i]), cleanPath(entry[i+1:])
		}
	}
	return cleanPath(entry), ""
}

func cleanPath(path string) string {
	if path == "" {
		return ""
	}
	return filepath.Clean(strings.ReplaceAll(path, `\=`, "="))
}

func (v validator) tablespaces(key string, n Node) {
	from := v.unique()
	for i, entry := range n.TablespaceMapping {
		at := key + "[" + strconv.Itoa(i) + "]"
		old, to := splitMapping(entry)
		switch {
		case !filepath.IsAbs(old) || !filepath.IsAbs(to):
			v.failf(at, "want OLDDIR=NEWDIR, two absolute paths, found %q", entry)
		case n.DataDirectory != "" && strings.HasPrefix(to+"/", filepath.Clean(n.DataDirectory)+"/"):
			v.failf(at, "%s is in data_directory, which is copied and exchanged as a whole; name a directory elsewhere", to)
		default:
			from(at, old)
		}
	}
}
