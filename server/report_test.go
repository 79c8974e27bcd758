package server

import (
	"net"
	"slices"
	"strconv"
	"testing"
)

// Ensure that each client's report says why it keeps its server, and on which node.
// (Of pins the server is asked behind the answer.)
func TestReportSaysWhyServersAreKept(t *testing.T) {
	r := newRig(t, 0, trust)
	free, inside, listening := r.raw(), r.raw(), r.raw()
	free.do("select 1", "T D:1 C:SELECT_1 Z:I")
	inside.do("begin; create table t (a int)", "C:BEGIN C:CREATE_TABLE Z:T")
	listening.do("listen x", "C:LISTEN Z:I")
	kept := func() (list []string) {
		all, err := r.server.Clients(t.Context())
		if err != nil {
			t.Error(err)
		}
		for _, c := range all {
			if (c.Node == 0) != (c.Server > 0) || c.Consistency != "session" {
				t.Errorf("%+v", c)
			}
			list = append(list, c.Pin)
		}
		return list
	}
	await(t, func() bool { return slices.Equal(kept(), []string{"", "transaction", "listen"}) })
	listening.do("unlisten x", "C:UNLISTEN Z:I")
	await(t, func() bool { return slices.Equal(kept(), []string{"", "transaction", ""}) })
}

// Ensure that both ends of each connection are told: by them one is found in the system's
// own list of sockets, and the server in pg_stat_activity.
func TestReportHasBothEnds(t *testing.T) {
	r := newRig(t, 0, trust)
	c := r.raw()
	c.do("begin; create table t (a int)", "C:BEGIN C:CREATE_TABLE Z:T")
	clients, err := r.server.Clients(t.Context())
	if err != nil || len(clients) != 1 {
		t.Fatal(clients, err)
	}
	client := clients[0]
	if got := net.JoinHostPort(client.LocalHost, strconv.Itoa(client.LocalPort)); got != c.conn.RemoteAddr().String() {
		t.Errorf("the client's connection comes in at %s", got)
	}
	if got := net.JoinHostPort(client.Host, strconv.Itoa(client.Port)); got != c.conn.LocalAddr().String() {
		t.Errorf("the client is %s", got)
	}
	servers, err := r.server.Servers(t.Context())
	if err != nil || len(servers) != 1 {
		t.Fatal(servers, err)
	}
	server := servers[0]
	port := query[int](t, r.cluster.Conn(0), "select client_port from pg_stat_activity where pid = $1", server.PID)
	if server.LocalHost != "127.0.0.1" || server.LocalPort != port {
		t.Errorf("the server's connection leaves from %s:%d, the node says port %d", server.LocalHost, server.LocalPort, port)
	}
}
