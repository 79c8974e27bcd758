package config

import (
	"fmt"
	"io"
)

const masked = "***"

// Secret is a password or a password's verifier. However it is formatted,
// logged or marshalled it gives ***; only Reveal gives the text. Compare the
// revealed texts, not the Secrets.
type Secret struct {
	// A pointer, because fmt calls no methods on unexported fields: there it
	// prints an address instead of the text.
	text *string
}

// NewSecret hides text.
func NewSecret(text string) Secret { return Secret{text: &text} }

// Reveal gives the hidden text; "" for the zero Secret.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no text, or an empty one.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String gives ***.
func (s Secret) String() string { return masked }

// GoString gives ***.
func (s Secret) GoString() string { return masked }

// MarshalText gives ***; JSON and YAML encoders use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// Format writes *** for every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, masked) }
