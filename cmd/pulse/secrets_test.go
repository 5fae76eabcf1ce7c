package main

import (
	"bytes"
	"flag"
	"fmt"
	"strings"
	"testing"
)

// Secrets need not stand in the list of processes: each flag that has one takes a
// variable and a file, and says so if it was given as it is. No message has a secret.
func TestSecretsOutOfSight(t *testing.T) {
	t.Parallel()
	const secret = "s3cret:0123456789abcdef"
	texts := map[string]string{"aorta": "aorta://" + secret + "@localhost:1", "drain-sources": "shop=" + secret, "metrics-urls": "https://" + secret + "@localhost:1/x"}
	found := map[string]bool{}
	for _, c := range commands() {
		settings := func(stderr *bytes.Buffer, env map[string]string) *flags {
			e := &environment{Stderr: stderr, LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
			f := newFlags(e, &c)
			c.settings().add(f)
			return f
		}
		settings(nil, nil).VisitAll(func(fl *flag.Flag) {
			if !isSecret(fl.Name) {
				return
			}
			found[fl.Name] = true
			text, ok := texts[fl.Name]
			if !ok {
				text = secret
			}
			file := writeFile(t, "secret", text+"\n")
			var want string
			for _, way := range []string{"flag", "file", "variable"} {
				var stderr bytes.Buffer
				args, env := []string{"--" + fl.Name, text}, map[string]string{}
				f := settings(&stderr, env)
				switch way {
				case "file":
					args[1] = "@" + file
				case "variable":
					env[f.variable(fl.Name)], args = text, nil
				}
				if _, err := f.parse(args); err != nil {
					t.Fatalf("pulse %s --%s by its %s: %v", c.name, fl.Name, way, err)
				}
				got := fmt.Sprintf("%+v", f.Lookup(fl.Name).Value.String())
				if way == "flag" {
					want = got
				}
				if got != want {
					t.Errorf("pulse %s --%s by its %s is %q, want %q", c.name, fl.Name, way, got, want)
				}
				if warned := strings.Contains(stderr.String(), "--"+fl.Name+" in the list of processes: give $"+f.variable(fl.Name)); warned != (way == "flag") || strings.Contains(stderr.String(), "s3cret") {
					t.Errorf("pulse %s --%s by its %s says %q", c.name, fl.Name, way, stderr.String())
				}
			}
			f := settings(new(bytes.Buffer), nil)
			if _, err := f.parse([]string{"--" + fl.Name, "@" + file + ".missing"}); err == nil || !strings.Contains(err.Error(), ".missing") {
				t.Errorf("pulse %s --%s of a file that is not there: %v", c.name, fl.Name, err)
			}
		})
	}
	for _, name := range []string{"http-auth", "http-tokens", "http-share-key", "kafka-sasl-password", "aorta", "aorta-secret", "drain-sources", "metrics-urls"} {
		if !found[name] {
			t.Errorf("--%s is not among the flags of secrets", name)
		}
	}
}
