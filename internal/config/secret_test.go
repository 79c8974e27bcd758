package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestSecretIsNeverShown(t *testing.T) {
	const text = "hunter2"
	s := NewSecret(text)
	config := Config{Monitor: Monitor{Password: s}}
	unexported := struct{ s Secret }{s}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{s, &s, config, &config, unexported, map[string]Secret{"u": s}, []Secret{s}} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, text) || strings.Contains(got, fmt.Sprintf("%x", text)) {
				t.Errorf("%s of %T: %s", verb, v, got)
			}
		}
	}
	if got := fmt.Sprintf("%v %+v", s, config.Monitor); got != "*** {User: Password:*** PasswordFile: Database:}" {
		t.Errorf("got %s", got)
	}
}

func TestSecretIsNeverMarshalled(t *testing.T) {
	m := Monitor{User: "u", Password: NewSecret("hunter2")}
	asJSON, err := json.Marshal(m)
	if err != nil || !strings.Contains(string(asJSON), `"Password":"***"`) {
		t.Errorf("JSON %s, %v", asJSON, err)
	}
	asYAML, err := yaml.Marshal(m)
	if err != nil || !strings.Contains(string(asYAML), "password: '***'") {
		t.Errorf("YAML %s, %v", asYAML, err)
	}
}

func TestSecretReveals(t *testing.T) {
	if got := NewSecret("hunter2").Reveal(); got != "hunter2" {
		t.Errorf("got %q", got)
	}
	if !(Secret{}).IsZero() || !NewSecret("").IsZero() || NewSecret("x").IsZero() {
		t.Error("IsZero is wrong")
	}
}
