package certs

// Mode is libpq's sslmode: how much is asked of a connection.
type Mode int

// The ladder. In front of clients, Allow is as Prefer, and VerifyFull as
// VerifyCA.
const (
	Disable    Mode = iota // never encrypted
	Allow                  // encrypted when the other side insists
	Prefer                 // encrypted when the other side can
	Require                // encrypted, whoever it is
	VerifyCA               // and with a certificate that is believed
	VerifyFull             // and that is the host's
)

// String is the word that libpq has.
func (m Mode) String() string {
	return [...]string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}[m]
}
