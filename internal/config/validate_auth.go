package config

import "strings"

func (v validator) auth(a Auth) {
	switch a.Type {
	case AuthScramSHA256, AuthMD5, AuthPassword:
		if a.QueryUser == "" {
			v.required("auth.users_file", a.UsersFile, "the file with the users' secrets, or set auth.query_user or auth.type: trust")
		}
	case AuthHBA:
		v.required("auth.hba_file", a.HBAFile, "the file in pg_hba.conf's format")
	}
	if a.Type != AuthHBA && a.HBAFile != "" {
		v.failf("auth.hba_file", "is only read with auth.type: hba")
	}
	v.authQuery(a)
}

func (v validator) authQuery(a Auth) {
	if !v.failed("auth.query") && !strings.Contains(a.Query, "$1") {
		v.failf("auth.query", "must have the parameter $1, the user's name")
	}
	v.notEmpty("auth.database", a.Database)
	atLeast(v, "auth.query_ttl", a.QueryTTL, 0)
}
