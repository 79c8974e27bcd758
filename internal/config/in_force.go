package config

import "slices"

// InForce is c with the values of what is only read when pgherd starts as they were
// then.
func (c *Config) InForce(started *Config) *Config {
	made, before := *c, *started
	for _, key := range NeedRestart(Diff(started, c), started, c) {
		now, _ := made.at(key) // Diff's keys are in both
		then, _ := before.at(key)
		now.Set(then)
	}
	return &made
}

// PendingRestart lists the keys of Settings whose values take effect with the next
// start: c is in force, file what was read last.
func (c *Config) PendingRestart(file *Config) []string {
	changed, next := NeedRestart(Diff(c, file), c, file), map[string]string{}
	for _, s := range file.Settings() {
		next[s.Key] = s.Value
	}
	var pending []string
	for _, s := range c.Settings() {
		section := sectionKey(s.Key)
		if slices.Contains(changed, section) && (section == s.Key || next[s.Key] != s.Value) {
			pending = append(pending, s.Key)
		}
	}
	return pending
}
