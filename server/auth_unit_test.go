package server

import (
	"errors"
	"os/user"
	"strconv"
	"testing"

	"github.com/pgherd/pgherd/internal/config"
	"github.com/pgherd/pgherd/internal/hba"
)

func TestRuleOfEveryType(t *testing.T) {
	for kind, want := range map[config.AuthType]hba.Method{config.AuthScramSHA256: hba.SCRAM, config.AuthTrust: hba.Trust,
		config.AuthReject: hba.Reject, config.AuthPassword: hba.Password, config.AuthMD5: hba.MD5, config.AuthCert: hba.Cert, config.AuthPeer: hba.Peer} {
		if got := ruleOf(kind); got.Method != want || got.Method.String() != kind.String() {
			t.Errorf("%v gives %v", kind, got.Method)
		}
	}
	if ruleOf(config.AuthCert).ClientCert != hba.VerifyFull {
		t.Error("cert does not look at the name")
	}
}

func TestCertificates(t *testing.T) {
	full := hba.Rule{ClientCert: hba.VerifyFull}
	byDN := hba.Rule{ClientCert: hba.VerifyFull, ClientName: hba.DistinguishedName}
	ann := facts{Encrypted: true, CertCN: "ann", CertDN: "CN=ann,O=corp"}
	for _, c := range []struct {
		rule hba.Rule
		facts
		user string
		want string
	}{
		{hba.Rule{}, facts{}, "ann", ""},
		{full, ann, "ann", ""},
		{full, ann, "bob", `certificate authentication failed for user "bob"`},
		{full, facts{Encrypted: true}, "ann", "connection requires a valid client certificate"},
		{full, facts{CertDN: "O=corp"}, "", `certificate authentication failed for user ""`},
		{byDN, ann, "ann", `certificate authentication failed for user "ann"`},
		{byDN, ann, "CN=ann,O=corp", ""},
		{hba.Rule{ClientCert: hba.VerifyCA}, ann, "bob", ""},
		{hba.Rule{ClientCert: hba.VerifyCA}, facts{Encrypted: true}, "bob", "connection requires a valid client certificate"},
		{hba.Rule{ClientCert: hba.VerifyFull, Map: "none"}, ann, "ann", `certificate authentication failed for user "ann"`},
	} {
		if got := refusalText(checkCertificate(c.rule, c.facts, c.user, nil)); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

func refusalText(err error) string {
	var r *refusal
	if !errors.As(err, &r) {
		return ""
	}
	return r.told.Message
}

func TestPeer(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(me.Uid)
	if got := systemUser(facts{Local: true, PeerUID: uid}); got != me.Username {
		t.Errorf("I am %q, not %q", me.Username, got)
	}
	if got := systemUser(facts{PeerUID: uid}); got != "" {
		t.Errorf("over TCP: %q", got)
	}
	rule := hba.Rule{Method: hba.Peer}
	if err := checkPeer(rule, "ann", "ann", nil); err != nil {
		t.Error(err)
	}
	for _, system := range []string{"", "bob"} {
		if got := refusalText(checkPeer(rule, system, "ann", nil)); got != `Peer authentication failed for user "ann"` {
			t.Errorf("%q: %q", system, got)
		}
	}
	if checkPeer(rule, "", "", nil) == nil {
		t.Error("nobody was let in")
	}
}
