package server

import (
	"strings"

	"github.com/pgherd/pgherd/internal/pool"
	"github.com/pgherd/pgherd/internal/wire"
)

// startupSettings are the parameters of the start-up packet, those in options included.
func startupSettings(params map[string]string) (pool.Settings, error) {
	var s pool.Settings
	options, err := parseOptions(params["options"])
	if err != nil {
		return s, err
	}
	for _, o := range options {
		s = s.With(strings.ToLower(o.Name), o.Value)
	}
	for name, value := range params {
		switch name {
		case "user", "database", "options", "replication":
		default:
			s = s.With(strings.ToLower(name), value)
		}
	}
	return s, nil
}

// parseOptions reads the options parameter: "-c name=value" and "--name=value",
// separated by white space, which a backslash keeps.
func parseOptions(text string) ([]pool.Setting, error) {
	words := splitOptions(text)
	var list []pool.Setting
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "-c" && i+1 < len(words):
			i++
			word = words[i]
		case strings.HasPrefix(word, "-c"):
			word = word[2:]
		case strings.HasPrefix(word, "--"):
			word = word[2:]
		default:
			return nil, wire.Fatalf("0A000", "unsupported start-up option %q", word).WithHint("-c name=value and --name=value are supported.")
		}
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return nil, wire.Fatalf("42601", "start-up option %q is not of the form name=value", word)
		}
		list = append(list, pool.Setting{Name: strings.ReplaceAll(name, "-", "_"), Value: value})
	}
	return list, nil
}

func splitOptions(text string) []string {
	var words []string
	var word strings.Builder
	inside := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text):
			i++
			word.WriteByte(text[i])
			inside = true
		case c == ' ' || c == '\t' || c == '\n':
			if inside {
				words = append(words, word.String())
				word.Reset()
			}
			inside = false
		default:
			word.WriteByte(c)
			inside = true
		}
	}
	if inside {
		words = append(words, word.String())
	}
	return words
}
