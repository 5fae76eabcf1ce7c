package main

import (
	"os"
	"os/exec"
	"testing"
)

// asProcess is the variable by which the tests' program is pulse itself.
const asProcess = "PULSE_TEST_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(asProcess) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process makes a command of a deployment that is a process of its own, which can be killed.
func (d *deployment) process(args ...string) *exec.Cmd {
	d.t.Helper()
	program, err := os.Executable()
	if err != nil {
		d.t.Fatal(err)
	}
	c := exec.CommandContext(d.t.Context(), program, args...)
	c.Env = append(os.Environ(), asProcess+"=1")
	for name, value := range d.env {
		c.Env = append(c.Env, name+"="+value)
	}
	return c
}
