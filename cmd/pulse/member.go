package main

import (
	"context"
	"os"

	"pulse/topics"
)

// memberFlags say how a process is a member of its consumer group.
type memberFlags struct {
	instance string
	leave    bool
}

// hostInstance is the --instance that stands for the host's name, which in a
// container is the container's.
const hostInstance = "host"

func (m *memberFlags) add(f *flags) {
	f.StringVar(&m.instance, "instance", "", "a stable `name` for this process, so that it gets its partitions back right after a restart; host: the host name")
	f.BoolVar(&m.leave, "leave", false, "with --instance: leave the group at SIGTERM, so that others take over at once; for a process that will not come back")
}

func (m *memberFlags) check() error {
	if m.leave && m.instance == "" {
		return usagef("--leave needs --instance: a process without one always leaves")
	}
	return nil
}

// name is the instance id; "" of a member that is not static.
func (m *memberFlags) name() (string, error) {
	if m.instance == hostInstance {
		return os.Hostname()
	}
	return m.instance, nil
}

// run runs a member of a group, and takes it out of it in the end if it leaves.
func (m *memberFlags) run(ctx context.Context, cluster topics.Cluster, group, instance string, run func(context.Context) error) error {
	if err := run(ctx); err != nil || !m.leave {
		return err
	}
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), topics.LeaveTimeout)
	defer cancel()
	return topics.Leave(leaving, cluster, group, instance)
}
