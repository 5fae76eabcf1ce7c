// Package kafka runs Apache Kafka on this machine: one broker or several, in
// KRaft mode, from the jars that Maven copies from its central repository.
// Java 17 or later is needed, and Maven the first time.
package kafka

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"golang.org/x/sync/errgroup"
)

//go:embed pom.xml
var pom []byte

// Version is the Kafka that pom.xml names.
const Version = "4.1.0"

// heap is a broker's, for the JVM.
const heap = "768m"

// Install has Maven copy the broker's jars (43 MB) into the folder libs, unless
// they are there.
func Install(ctx context.Context, libs string) error {
	if Installed(libs) {
		return nil
	}
	if err := os.RemoveAll(libs); err != nil {
		return err
	}
	return Copy(ctx, pom, libs)
}

// Copy has Maven copy the jars that a pom.xml names into a folder, unless it is there.
func Copy(ctx context.Context, pom []byte, libs string) error {
	if _, err := os.Stat(libs); err == nil {
		return nil
	}
	// Copied beside it and renamed, so that half of the jars is never taken for all.
	part := libs + ".part"
	if err := os.MkdirAll(part, 0o755); err != nil {
		return err
	}
	file := filepath.Join(part, "pom.xml")
	if err := os.WriteFile(file, pom, 0o644); err != nil {
		return err
	}
	absolute, err := filepath.Abs(part)
	if err != nil {
		return err
	}
	mvn := exec.CommandContext(ctx, "mvn", "--batch-mode", "--quiet", "-f", file, "dependency:copy-dependencies",
		"-DincludeScope=runtime", "-DoutputDirectory="+absolute)
	if out, err := mvn.CombinedOutput(); err != nil {
		return fmt.Errorf("copying jars (is Maven installed?): %w\n%s", err, out)
	}
	return os.Rename(part, libs)
}

// Installed reports whether the jars are there.
func Installed(libs string) bool {
	found, _ := filepath.Glob(filepath.Join(libs, "kafka_2.13-"+Version+".jar"))
	return len(found) == 1
}

// Config says which brokers to run.
type Config struct {
	Dir     string // of data, logs and process ids; brokers started there later go on with them
	Libs    string // where Install put the jars
	Brokers int    // 0: one
	Port    int    // of the first broker; each takes two. 0: free ones

	// Users, if there are some, are those that clients must be, by SASL PLAIN, with their
	// names as passwords. All but the first may do what ACLs allow. There is one broker then.
	Users []string

	// Advertise, where there is one for a broker, is the address that clients are
	// told instead of its own: of a proxy, say.
	Advertise []string
}

// Login are the options of a client that may do everything.
func (c Config) Login() []kgo.Opt {
	if len(c.Users) == 0 {
		return nil
	}
	return []kgo.Opt{kgo.SASL(plain.Auth{User: c.Users[0], Pass: c.Users[0]}.AsMechanism())}
}

// A Cluster is some brokers that know each other. All are controllers too.
type Cluster struct {
	Nodes  []*Node
	config Config
}

// A Node is one broker, running or not.
type Node struct {
	Port int // of its own listener

	id   int
	dir  string
	libs string

	mu      sync.Mutex
	cmd     *exec.Cmd
	stopped chan struct{} // closed when cmd has ended
}

// New prepares brokers: their configuration, and their storage if Dir is new.
// None runs before its Start.
func New(ctx context.Context, c Config) (*Cluster, error) {
	c.Brokers = max(c.Brokers, 1)
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, err
	}
	ports, err := ports(c.Port, 2*c.Brokers)
	if err != nil {
		return nil, err
	}
	cluster := &Cluster{config: c}
	var voters []string
	for i := range c.Brokers {
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", i+1, ports[2*i+1]))
	}
	id, err := clusterID()
	if err != nil {
		return nil, err
	}
	var formats errgroup.Group
	for i := range c.Brokers {
		n := &Node{id: i + 1, Port: ports[2*i], dir: filepath.Join(dir, "node-"+strconv.Itoa(i+1)), libs: c.Libs}
		advertised := n.Addr()
		if i < len(c.Advertise) && c.Advertise[i] != "" {
			advertised = c.Advertise[i]
		}
		if err := n.write(properties(n, c.Brokers, ports[2*i+1], strings.Join(voters, ","), advertised) + access(c.Users)); err != nil {
			return nil, err
		}
		formats.Go(func() error { return n.format(ctx, id) })
		cluster.Nodes = append(cluster.Nodes, n)
	}
	if err := formats.Wait(); err != nil {
		return nil, err
	}
	return cluster, nil
}

// ports returns n ports from first on, or free ones.
func ports(first, n int) ([]int, error) {
	var ports []int
	for i := range n {
		if first > 0 {
			ports = append(ports, first+i)
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all are held until there are enough
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// clusterID makes an id as Kafka's storage tool does: a UUID in URL-safe base64,
// which does not begin like an option.
func clusterID() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	b[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// properties is a broker's configuration.
func properties(n *Node, brokers, controllerPort int, voters, advertised string) string {
	insync := min(brokers, 2)
	lines := []string{
		"process.roles=broker,controller",
		"node.id=" + strconv.Itoa(n.id),
		"controller.quorum.voters=" + voters,
		"controller.listener.names=CONTROLLER",
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,CLIENTS:PLAINTEXT,BROKERS:PLAINTEXT",
		"listeners=CLIENTS://" + n.Addr() + ",CONTROLLER://127.0.0.1:" + strconv.Itoa(controllerPort),
		"advertised.listeners=CLIENTS://" + advertised,
		"inter.broker.listener.name=CLIENTS",
		"log.dirs=" + filepath.Join(n.dir, "data"),
		// Else the first consumer of each group waits for three seconds.
		"group.initial.rebalance.delay.ms=0",
		"auto.create.topics.enable=false",
		"offsets.topic.num.partitions=8",
		fmt.Sprintf("default.replication.factor=%d", brokers),
		fmt.Sprintf("min.insync.replicas=%d", insync),
		fmt.Sprintf("offsets.topic.replication.factor=%d", brokers),
		fmt.Sprintf("transaction.state.log.replication.factor=%d", brokers),
		fmt.Sprintf("transaction.state.log.min.isr=%d", insync),
		fmt.Sprintf("share.coordinator.state.topic.replication.factor=%d", brokers),
		fmt.Sprintf("share.coordinator.state.topic.min.isr=%d", insync),
	}
	return strings.Join(lines, "\n") + "\n"
}

// access is the configuration by which clients must be one of some users.
func access(users []string) string {
	if len(users) == 0 {
		return ""
	}
	login := fmt.Sprintf("org.apache.kafka.common.security.plain.PlainLoginModule required username=%q password=%[1]q", users[0])
	for _, user := range users {
		login += fmt.Sprintf(" user_%s=%q", user, user)
	}
	// Of two lines for a key the last counts.
	return strings.Join([]string{
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,CLIENTS:SASL_PLAINTEXT",
		"sasl.enabled.mechanisms=PLAIN",
		"sasl.mechanism.inter.broker.protocol=PLAIN",
		"listener.name.clients.plain.sasl.jaas.config=" + login + ";",
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users=User:ANONYMOUS;User:" + users[0], // who is nobody is the controller
	}, "\n") + "\n"
}

// Addr is the address that the broker listens on.
func (n *Node) Addr() string { return "127.0.0.1:" + strconv.Itoa(n.Port) }

func (n *Node) propertiesFile() string { return filepath.Join(n.dir, "server.properties") }
func (n *Node) pidFile() string        { return filepath.Join(n.dir, "pid") }

// LogFile is what the broker prints: warnings and errors.
func (n *Node) LogFile() string { return filepath.Join(n.dir, "log") }

func (n *Node) write(properties string) error {
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(n.propertiesFile(), []byte(properties), 0o644)
}

// java is a command of the jars.
func (n *Node) java(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "java", append([]string{"-Xmx" + heap, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-cp", filepath.Join(n.libs, "*")}, args...)...)
}

// format prepares the storage of a new broker.
func (n *Node) format(ctx context.Context, cluster string) error {
	if _, err := os.Stat(filepath.Join(n.dir, "data", "meta.properties")); err == nil {
		return nil
	}
	tool := n.java(ctx, "kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", n.propertiesFile())
	if out, err := tool.CombinedOutput(); err != nil {
		return fmt.Errorf("formatting the storage of broker %d (is Java 17 or later installed?): %w\n%s", n.id, err, out)
	}
	return nil
}

// Start starts the broker's process. It outlives the caller's unless stopped.
func (n *Node) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		return fmt.Errorf("broker %d runs already", n.id)
	}
	if l, err := net.Listen("tcp", n.Addr()); err != nil {
		return fmt.Errorf("broker %d: %w; choose another port, or stop what uses it", n.id, err)
	} else {
		l.Close()
	}
	log, err := os.OpenFile(n.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := n.java(context.Background(), "kafka.Kafka", n.propertiesFile()) // Stop ends it
	cmd.Stdout, cmd.Stderr = log, log
	// A session of its own: a Ctrl-C is for whoever started it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting broker %d: %w", n.id, err)
	}
	if err := os.WriteFile(n.pidFile(), []byte(strconv.Itoa(cmd.Process.Pid)), 0o644); err != nil {
		return err
	}
	stopped := make(chan struct{})
	n.cmd, n.stopped = cmd, stopped
	go func() {
		cmd.Wait() // how it ended is in its log
		n.mu.Lock()
		n.cmd = nil
		n.mu.Unlock()
		os.Remove(n.pidFile())
		close(stopped)
	}()
	return nil
}

// Running reports whether the broker's process is there.
func (n *Node) Running() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cmd != nil
}

// PID is the process id; 0 of a broker that does not run.
func (n *Node) PID() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return 0
	}
	return n.cmd.Process.Pid
}

// Signal sends the process a signal: SIGSTOP, SIGCONT. One that is not running
// gets none.
func (n *Node) Signal(s syscall.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		n.cmd.Process.Signal(s)
	}
}

// Stop ends the process by a signal, SIGTERM or SIGKILL, and waits for its end;
// SIGTERM is followed by SIGKILL after half a minute.
func (n *Node) Stop(s syscall.Signal) {
	n.mu.Lock()
	stopped := n.stopped
	n.mu.Unlock()
	if stopped == nil {
		return
	}
	n.Signal(s)
	select {
	case <-stopped:
	case <-time.After(30 * time.Second):
		n.Signal(syscall.SIGKILL)
		<-stopped
	}
}

// Start starts all brokers and waits until they take requests.
func (c *Cluster) Start(ctx context.Context) error {
	for _, n := range c.Nodes {
		if err := n.Start(); err != nil {
			return err
		}
	}
	return c.Ready(ctx)
}

// Close ends all brokers at once, without their saying goodbye.
func (c *Cluster) Close() {
	for _, n := range c.Nodes {
		n.Stop(syscall.SIGKILL)
	}
}

// Addrs are the addresses that clients begin with: the proxies' where brokers
// are behind one.
func (c *Cluster) Addrs() []string {
	var addrs []string
	for i, n := range c.Nodes {
		if i < len(c.config.Advertise) && c.config.Advertise[i] != "" {
			addrs = append(addrs, c.config.Advertise[i])
		} else {
			addrs = append(addrs, n.Addr())
		}
	}
	return addrs
}

// Ready waits until the brokers that were started take requests: all are in the
// cluster, every partition has a leader, and a topic could be created. It fails
// when one of them ends, and with its log.
func (c *Cluster) Ready(ctx context.Context) error {
	var running []*Node
	var addrs []string
	for _, n := range c.Nodes {
		if n.Running() {
			running, addrs = append(running, n), append(addrs, n.Addr())
		}
	}
	var err error
	for {
		if err = probe(ctx, addrs, c.config.Login()); err == nil {
			return nil
		}
		for _, n := range running {
			if !n.Running() {
				log, _ := os.ReadFile(n.LogFile())
				return fmt.Errorf("broker %d has ended by itself; its log ends:\n%s", n.id, log[max(len(log)-4000, 0):])
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the brokers do not take requests: %w", errors.Join(context.Cause(ctx), err))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// probe asks each of the brokers once.
func probe(ctx context.Context, addrs []string, login []kgo.Opt) error {
	for _, addr := range addrs {
		if err := probeOne(ctx, addr, len(addrs), login); err != nil {
			return fmt.Errorf("broker at %s: %w", addr, err)
		}
	}
	return nil
}

func probeOne(ctx context.Context, addr string, brokers int, login []kgo.Opt) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	client, err := kgo.NewClient(append(login, kgo.SeedBrokers(addr), kgo.RequestRetries(0))...)
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	// The first request of a client goes to its seed. What follows may go to a
	// proxy: the addresses in the metadata are those that clients are told.
	metadata, err := admin.Metadata(ctx)
	if err != nil {
		return err
	}
	if len(metadata.Brokers) < brokers {
		return fmt.Errorf("%d of %d brokers are in the cluster", len(metadata.Brokers), brokers)
	}
	for _, topic := range metadata.Topics {
		for _, p := range topic.Partitions {
			if p.Err != nil || p.Leader < 0 {
				return fmt.Errorf("%s partition %d has no leader: %w", topic.Topic, p.Partition, p.Err)
			}
		}
	}
	created, err := admin.ValidateCreateTopics(ctx, 1, -1, nil, "probe")
	if err == nil {
		err = created.Error()
	}
	return err
}

// Down ends the brokers that other processes started in the folder dir: by
// SIGTERM, and SIGKILL after ten seconds. It returns how many there were.
func Down(dir string) (int, error) {
	files, err := filepath.Glob(filepath.Join(dir, "node-*", "pid"))
	if err != nil {
		return 0, err
	}
	var brokers errgroup.Group
	var ended atomic.Int64
	for _, file := range files {
		// Together: the last of several waits for the others' votes.
		brokers.Go(func() error {
			was, err := end(file)
			if was {
				ended.Add(1)
			}
			return err
		})
	}
	err = brokers.Wait()
	return int(ended.Load()), err
}

// end ends the broker whose id is in a file, and reports whether there was one.
func end(file string) (bool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return false, fmt.Errorf("%s is not a process id: %w", file, err)
	}
	folder, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return false, err
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return false, err
	}
	start, was := time.Now(), false
	for signal := syscall.SIGTERM; isBroker(pid, folder); time.Sleep(100 * time.Millisecond) {
		if was && signal == syscall.SIGTERM && time.Since(start) < 10*time.Second {
			continue
		}
		if was {
			signal = syscall.SIGKILL
		}
		was = true
		if err := process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return true, fmt.Errorf("ending the broker with process id %d: %w", pid, err)
		}
	}
	return was, os.Remove(file)
}

// isBroker reports whether a process is the broker of a folder: its id may be
// another's by now.
func isBroker(pid int, folder string) bool {
	command, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(command), filepath.Join(folder, "server.properties"))
}
