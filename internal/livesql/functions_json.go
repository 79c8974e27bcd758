package livesql

import (
	"bytes"
	"encoding/json"
	"strings"
)

// quoteJSON is a text as a JSON string.
func quoteJSON(text string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil { // it cannot fail for a string
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
