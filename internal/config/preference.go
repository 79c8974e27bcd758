package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Target is where reads are wanted.
type Target int

const (
	TargetAny Target = iota
	TargetPrimary
	TargetStandby // any
	TargetNode    // one, by its number
)

// Preference is an entry of a redirect preference list.
type Preference struct {
	Name   *regexp.Regexp // of the database, user or application; matches anywhere in it
	Target Target         // not TargetAny
	Node   int            // of TargetNode
	Ratio  float64        // of the sessions that go there, 0 to 1
}

// ParsePreferences reads Pgpool-II's redirect preference lists: entries
// "regex:node" or "regex:node(ratio)", separated by commas, where node is
// primary, standby, or a number below nodes. A comma in a regex is written \,.
func ParsePreferences(list string, nodes int) ([]Preference, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	var all []Preference
	for i, entry := range splitUnescaped(list) {
		p, err := parsePreference(strings.TrimSpace(entry), nodes)
		if err != nil {
			return nil, fmt.Errorf("entry %d, %q: %w", i+1, strings.TrimSpace(entry), err)
		}
		all = append(all, p)
	}
	return all, nil
}

// splitUnescaped splits at commas that no backslash stands before.
func splitUnescaped(list string) (entries []string) {
	start := 0
	for i := 0; i < len(list); i++ {
		switch list[i] {
		case '\\':
			i++
		case ',':
			entries = append(entries, list[start:i])
			start = i + 1
		}
	}
	return append(entries, list[start:])
}

// parsePreference splits at the last colon: a regex may hold others.
func parsePreference(entry string, nodes int) (p Preference, err error) {
	colon := strings.LastIndexByte(entry, ':')
	if colon <= 0 {
		return p, errors.New("want regex:node or regex:node(ratio)")
	}
	if p.Name, err = regexp.Compile(entry[:colon]); err != nil {
		return p, err
	}
	node, ratio, err := splitRatio(entry[colon+1:])
	if err != nil {
		return p, err
	}
	p.Ratio = ratio
	p.Target, p.Node, err = parseTarget(node, nodes)
	return p, err
}

func splitRatio(text string) (node string, ratio float64, err error) {
	node, inside, found := strings.Cut(text, "(")
	if !found {
		return text, 1, nil
	}
	digits, closed := strings.CutSuffix(inside, ")")
	ratio, err = strconv.ParseFloat(digits, 64)
	if !closed || err != nil || !(ratio >= 0 && ratio <= 1) {
		return "", 0, fmt.Errorf("the ratio %q is not a number from 0 to 1 in parentheses", "("+inside)
	}
	return node, ratio, nil
}

func parseTarget(node string, nodes int) (Target, int, error) {
	switch node {
	case "primary":
		return TargetPrimary, 0, nil
	case "standby":
		return TargetStandby, 0, nil
	}
	n, err := strconv.Atoi(node)
	if err != nil || n < 0 || n >= nodes {
		return TargetAny, 0, fmt.Errorf("%q is not primary, standby or the number of a node (there are %d, from 0)", node, nodes)
	}
	return TargetNode, n, nil
}
