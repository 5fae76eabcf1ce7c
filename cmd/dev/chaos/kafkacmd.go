package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"pulse/cmd/dev/chaos/kafka"
)

// kafkaFlags say where Apache Kafka's jars and data are.
type kafkaFlags struct {
	dir string
}

func (k *kafkaFlags) add(f *flag.FlagSet) {
	f.StringVar(&k.dir, "kafka-dir", filepath.Join("bin", "kafka"), "the `folder` of Apache Kafka's jars, and of what brokers keep")
}

func (k *kafkaFlags) libs() string { return filepath.Join(k.dir, "libs") }

// kafkaCommand is `chaos kafka up` and `chaos kafka down`, a Kafka in the
// background for whoever develops, and `chaos kafka run COMMAND`, one for as
// long as a command runs, which gets its address as PULSE_TEST_BROKERS.
func kafkaCommand(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("chaos kafka up|down|run", flag.ExitOnError)
	var k kafkaFlags
	k.add(f)
	port := f.Int("port", 29092, "the first broker's; each takes two; run takes free ones")
	brokers := f.Int("brokers", 1, "how many")
	if len(args) == 0 {
		return errors.New("chaos kafka up, chaos kafka down or chaos kafka run COMMAND")
	}
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	if *brokers < 1 || *brokers > 9 {
		return fmt.Errorf("-brokers is %d: from 1 to 9", *brokers)
	}
	if last := 65_535 - 2**brokers; *port < 1 || *port > last {
		return fmt.Errorf("-port is %d: from 1 to %d, since each broker takes two", *port, last)
	}
	data := filepath.Join(k.dir, fmt.Sprint("port-", *port))
	switch args[0] {
	case "up":
		return up(ctx, k, kafka.Config{Dir: data, Libs: k.libs(), Brokers: *brokers, Port: *port})
	case "down":
		n, err := kafka.Down(data)
		if err != nil {
			return err
		}
		if n == 0 {
			fmt.Printf("no broker ran on port %d\n", *port)
			return nil
		}
		fmt.Printf("brokers ended: %d; their data is in %s\n", n, data)
		return nil
	case "run":
		if f.NArg() == 0 {
			return errors.New("chaos kafka run: which command?")
		}
		return withKafka(ctx, k, *brokers, f.Args())
	}
	return fmt.Errorf("chaos kafka %s: up, down or run", args[0])
}

// up starts a Kafka in the background, and says what it does; the addresses alone go to
// standard output.
func up(ctx context.Context, k kafkaFlags, c kafka.Config) error {
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	if !kafka.Installed(c.Libs) {
		say("downloading Apache Kafka %s, 43 MB, with Maven into %s; this is done once", kafka.Version, c.Libs)
		if err := kafka.Install(ctx, c.Libs); err != nil {
			return err
		}
	}
	started := time.Now()
	say("starting Apache Kafka %s, %d broker(s) from port %d on; data and logs are in %s", kafka.Version, c.Brokers, c.Port, c.Dir)
	cluster, err := kafka.New(ctx, c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := cluster.Start(ctx); err != nil {
		cluster.Close()
		return err
	}
	addresses := strings.Join(cluster.Addrs(), ",")
	say("ready after %v; it goes on in the background", time.Since(started).Round(100*time.Millisecond))
	say("use it:  export KAFKA_URL=%s", addresses)
	say("stop it: make kafka-down KAFKA_PORT=%d KAFKA_DIR=%s", c.Port, k.dir)
	fmt.Println(addresses)
	return nil
}

// withKafka runs a command beside a Kafka that is gone with it.
func withKafka(ctx context.Context, k kafkaFlags, brokers int, command []string) error {
	if err := kafka.Install(ctx, k.libs()); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "pulse-kafka-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cluster, err := kafka.New(ctx, kafka.Config{Dir: dir, Libs: k.libs(), Brokers: brokers})
	if err != nil {
		return err
	}
	defer cluster.Close()
	starting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := cluster.Start(starting); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "PULSE_TEST_BROKERS="+strings.Join(cluster.Addrs(), ","))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}
