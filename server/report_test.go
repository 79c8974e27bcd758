package server

import (
	"slices"
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
