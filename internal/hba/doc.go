// Package hba reads files of host-based authentication in the format of
// PostgreSQL's pg_hba.conf and pg_ident.conf, and says which line of them
// applies to a client.
//
//   - Rules: the lines of one file; Match finds the first for given Facts.
//   - Rule: one line: which Method, with which options.
//   - Maps: which names of the system or of a certificate may be which user.
//
// Caveats: what pgherd cannot judge is an error rather than a line that never
// matches: membership in roles (+role, samerole), host names, GSSAPI, and the
// methods gss, sspi, ident over TCP, ldap, radius, pam, bsd and oauth. Regular
// expressions are Go's (RE2). Patterns and files are read once, by Load;
// samehost and samenet mean the addresses that the machine had then.
package hba
