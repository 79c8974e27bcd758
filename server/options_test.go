package server

import "testing"

// Ensure that the name a client gives itself in its options is the one that it is told.
func TestApplicationNameInOptions(t *testing.T) {
	r := single(t, 1, 1)
	for options, want := range map[string]string{
		`options='-c application_name=worker'`:                        "worker",
		`options='-c application_name=one' application_name=two`:      "two",
		`options='--Application-Name=three -c work_mem=3MB'`:          "three",
		`options='-c work_mem=3MB'`:                                   "",
		`options='-c application_name=four -c application_name=five'`: "five",
	} {
		c := r.connect(options)
		if got := c.PgConn().ParameterStatus("application_name"); got != want {
			t.Errorf("%s: told %q, want %q", options, got, want)
		}
		if got := query[string](t, c, "SHOW application_name"); got != want {
			t.Errorf("%s: got %q, want %q", options, got, want)
		}
	}
}
