package config

import (
	"reflect"
	"testing"
	"time"
)

// What a node's section ssh leaves out follows from the node, and from the file's
// folder.
func TestSSH(t *testing.T) {
	c, err := parse("/etc/pgherd/pgherd.yaml", []byte(`nodes:
  - {host: db0, data_directory: /d, access: ssh, ssh: {identity_file: key, options: ["ProxyJump=a, b", Compression yes]}}
  - {host: /run/postgresql, data_directory: /d, access: ssh, ssh: {host: db1, user: pg, port: 2222, connect_timeout: 1s}}
  - {host: db2, ssh: {user: ""}}
auth: {type: trust}
monitor: {user: pgherd}
`), etc())
	if err != nil {
		t.Fatal(err)
	}
	want := []SSH{
		{"postgres", "db0", 22, "/etc/pgherd/key", "", 3 * time.Second, []string{"ProxyJump=a, b", "Compression yes"}},
		{"pg", "db1", 2222, "", "", time.Second, []string{}},
	}
	if got := []SSH{c.Nodes[0].SSH, c.Nodes[1].SSH}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
