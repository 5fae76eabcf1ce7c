package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"pulse/ingest"
)

// maxInputs bounds the inputs of an inputs file.
const maxInputs = 100

// An inputConfig is one input that listens or connects, as the inputs file has it.
// One of the first five says what it is.
type inputConfig struct {
	Drain     string `yaml:"drain"`
	SyslogUDP string `yaml:"syslog-udp"`
	SyslogTCP string `yaml:"syslog-tcp"`
	SyslogTLS string `yaml:"syslog-tls"`
	Aorta     string `yaml:"aorta"`

	Name     string         `yaml:"name"` // the field input of its lines; by default what it is
	Cert     string         `yaml:"cert"` // files in PEM
	Key      string         `yaml:"key"`
	ClientCA string         `yaml:"client-ca"`
	Sources  []sourceConfig `yaml:"sources"`
}

// A sourceConfig is an ingest.DrainSource.
type sourceConfig struct {
	Name     string            `yaml:"name"`
	Token    string            `yaml:"token"`
	User     string            `yaml:"user"`
	Password string            `yaml:"password"`
	Fields   map[string]string `yaml:"fields"`
}

// inputFlags are the flags of the inputs that listen or connect.
type inputFlags struct {
	one     inputConfig // each of the first five is an input of its own here
	sources string
	file    string
}

func (i *inputFlags) add(f *flags) {
	f.StringVar(&i.one.Drain, "drain", "", "take Heroku drains over HTTP on this `address`, or HTTPS with --tls-cert")
	f.StringVar(&i.sources, "drain-sources", "", "who may send to --drain: a comma list of `name=token`, with drain tokens; passwords and fields are for --inputs")
	f.StringVar(&i.one.SyslogUDP, "syslog-udp", "", "take syslog over UDP on this `address`")
	f.StringVar(&i.one.SyslogTCP, "syslog-tcp", "", "take syslog over TCP on this `address`")
	f.StringVar(&i.one.SyslogTLS, "syslog-tls", "", "take syslog over TLS on this `address`")
	f.StringVar(&i.one.Cert, "tls-cert", "", "the certificate of --drain and --syslog-tls, a `file`")
	f.StringVar(&i.one.Key, "tls-key", "", "its key, a `file`")
	f.StringVar(&i.one.ClientCA, "tls-client-ca", "", "ask senders to --syslog-tls for a certificate of one of those in this `file`")
	f.vars["aorta"] = "AORTA_URLS"
	f.StringVar(&i.one.Aorta, "aorta", "", "connect to these servers, a comma list of `aorta://secret@host:port`")
	f.StringVar(&i.file, "inputs", "", "more inputs, and with more settings: a YAML `file`")
}

// configs are the inputs that the flags and the file ask for.
func (i *inputFlags) configs(e *environment) ([]inputConfig, error) {
	var all []inputConfig
	one := i.one
	if one.Drain != "" {
		c := inputConfig{Drain: one.Drain, Cert: one.Cert, Key: one.Key}
		for item := range strings.SplitSeq(i.sources, ",") {
			name, token, ok := strings.Cut(strings.TrimSpace(item), "=")
			if !ok || token == "" {
				return nil, usagef("--drain needs --drain-sources name=token, or to be in --inputs: it would let everybody in")
			}
			c.Sources = append(c.Sources, sourceConfig{Name: name, Token: token})
		}
		all = append(all, c)
	} else if i.sources != "" {
		return nil, usagef("--drain-sources is for --drain")
	}
	for _, c := range []inputConfig{
		{SyslogUDP: one.SyslogUDP}, {SyslogTCP: one.SyslogTCP}, {Aorta: one.Aorta},
		{SyslogTLS: one.SyslogTLS, Cert: one.Cert, Key: one.Key, ClientCA: one.ClientCA},
	} {
		if c.kind() != "" {
			all = append(all, c)
		}
	}
	if i.file != "" {
		listed, err := readInputs(i.file, e.LookupEnv)
		if err != nil {
			return nil, usageError{err}
		}
		all = append(all, listed...)
	}
	names := make(map[string]bool)
	for n := range all {
		c := &all[n]
		if c.Name == "" {
			c.Name = c.kind()
		}
		if names[c.Name] {
			return nil, usagef("two inputs are called %s: give one another name in --inputs", c.Name)
		}
		names[c.Name] = true
	}
	return all, nil
}

// kind is what an input is; empty if that is not clear.
func (c *inputConfig) kind() string {
	kind := ""
	for name, value := range map[string]string{
		"drain": c.Drain, "syslog-udp": c.SyslogUDP, "syslog-tcp": c.SyslogTCP, "syslog-tls": c.SyslogTLS, "aorta": c.Aorta,
	} {
		if value != "" && kind != "" {
			return ""
		}
		if value != "" {
			kind = name
		}
	}
	return kind
}

// readInputs reads an inputs file:
//
//	inputs:
//	  - drain: :8443
//	    cert: drain.crt
//	    key: drain.key
//	    sources:
//	      - {name: shop, token: "${SHOP_TOKEN}", fields: {app: shop}}
//	      - {name: blog, user: logs, password: "${BLOG_PASSWORD}"}
//	  - syslog-tcp: :514
//	    name: routers
//
// No error tells what a variable has.
func readInputs(name string, lookup func(string) (string, bool)) ([]inputConfig, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the inputs: %w", err)
	}
	var file struct {
		Inputs []inputConfig `yaml:"inputs"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(file.Inputs) == 0 || len(file.Inputs) > maxInputs {
		return nil, fmt.Errorf("%s has %d inputs, not 1 to %d", name, len(file.Inputs), maxInputs)
	}
	var missing []error
	for i := range file.Inputs {
		c := &file.Inputs[i]
		if c.kind() == "" {
			return nil, fmt.Errorf("%s: number %d of the inputs must be one of drain, syslog-udp, syslog-tcp, syslog-tls and aorta", name, i+1)
		}
		secrets := []*string{&c.Aorta}
		for j := range c.Sources {
			s := &c.Sources[j]
			secrets = append(secrets, &s.Token, &s.User, &s.Password)
		}
		for _, s := range secrets {
			*s = inputVariable.ReplaceAllStringFunc(*s, func(text string) string {
				value, ok := lookup(text[2 : len(text)-1])
				if !ok || value == "" {
					missing = append(missing, fmt.Errorf("%s: the environment has no %s", name, text[2:len(text)-1]))
				}
				return value
			})
		}
	}
	return file.Inputs, errors.Join(missing...)
}

// inputVariable is a variable of the environment in a secret.
var inputVariable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// openInputs makes inputs, which listen from now on, and shows what they count.
func openInputs(configs []inputConfig, role *role) ([]ingest.Input, error) {
	var inputs []ingest.Input
	for _, c := range configs {
		input, err := c.open(role)
		if err != nil {
			return nil, fmt.Errorf("input %s: %w", c.Name, err)
		}
		inputs = append(inputs, input)
	}
	return inputs, nil
}

func (c *inputConfig) open(role *role) (ingest.Input, error) {
	kind := c.kind()
	if kind != "drain" && c.Sources != nil {
		return nil, errors.New("sources are for a drain")
	}
	config, err := c.tls(kind)
	if err != nil {
		return nil, err
	}
	m := inputMetrics{role.metrics, prometheus.Labels{"input": c.Name}}
	switch kind {
	case "drain":
		listener, err := listen(c.Drain)
		if err != nil {
			return nil, err
		}
		var sources []ingest.DrainSource
		for _, s := range c.Sources {
			sources = append(sources, ingest.DrainSource(s))
		}
		d, err := ingest.NewDrain(c.Name, listener, config, sources, role.log)
		if err != nil {
			return nil, errors.Join(err, listener.Close())
		}
		m.drain(&d.Counts)
		role.log.Info("drains are taken", "input", c.Name, "address", d.Addr().String(), "tls", config != nil)
		return d, nil
	case "syslog-udp":
		address, err := net.ResolveUDPAddr("udp", c.SyslogUDP)
		if err != nil {
			return nil, err
		}
		conn, err := net.ListenUDP("udp", address)
		if err != nil {
			return nil, fmt.Errorf("%w: choose another address", err)
		}
		s := ingest.NewSyslogUDP(c.Name, conn, role.log)
		m.datagrams(&s.Counts)
		role.log.Info("syslog is taken", "input", c.Name, "address", s.Addr().String(), "network", "udp")
		return s, nil
	case "aorta":
		a, err := ingest.NewAorta(c.Name, c.Aorta, role.log)
		if err != nil {
			return nil, err
		}
		m.counter("pulse_input_lines_total", linesHelp, &a.Counts.Lines)
		m.counter("pulse_input_connections_total", connectionsHelp, &a.Counts.Connects)
		m.counter("pulse_input_partial_lines_total", "Lines that the end of a connection cut off; they are not taken.", &a.Counts.Partial)
		return a, nil
	default:
		listener, err := listen(c.SyslogTCP + c.SyslogTLS)
		if err != nil {
			return nil, err
		}
		s := ingest.NewSyslog(c.Name, listener, config, role.log)
		m.counter("pulse_input_lines_total", linesHelp, &s.Counts.Lines)
		m.counter("pulse_input_connections_total", connectionsHelp, &s.Counts.Connections)
		m.counter("pulse_input_cut_connections_total", "Connections that were cut because of bad framing or slowness.", &s.Counts.Cut)
		m.counter("pulse_input_refused_connections_total", overHelp, &s.Counts.Over)
		role.log.Info("syslog is taken", "input", c.Name, "address", s.Addr().String(), "network", "tcp", "tls", config != nil)
		return s, nil
	}
}

// listen listens on an address.
func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: choose another address", err)
	}
	return listener, nil
}

// tls is the configuration of an input's TLS; nil if it has none.
func (c *inputConfig) tls(kind string) (*tls.Config, error) {
	switch {
	case kind == "syslog-tls" && (c.Cert == "" || c.Key == ""):
		return nil, errors.New("TLS needs a certificate and its key")
	case kind != "syslog-tls" && kind != "drain" && c.Cert+c.Key+c.ClientCA != "":
		return nil, errors.New("a certificate is for drain and syslog-tls")
	case kind == "drain" && c.ClientCA != "":
		return nil, errors.New("client certificates are for syslog-tls")
	case c.Cert == "" && c.Key == "":
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if c.ClientCA != "" {
		pem, err := os.ReadFile(c.ClientCA)
		if err != nil {
			return nil, err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate", c.ClientCA)
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}

// inputMetrics show what an input counts.
type inputMetrics struct {
	metrics
	labels prometheus.Labels
}

const (
	linesHelp       = "Lines that were taken from an input."
	connectionsHelp = "Connections of an input that were made."
	overHelp        = "Connections that were closed at once because there were too many."
)

func (m inputMetrics) counter(name, help string, value *atomic.Int64) {
	m.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: m.labels},
		func() float64 { return float64(value.Load()) }))
}

func (m inputMetrics) drain(c *ingest.DrainCounts) {
	m.counter("pulse_drain_requests_total", "Requests.", &c.Requests)
	m.counter("pulse_drain_denied_requests_total", "Requests with a wrong token or password, or none.", &c.Denied)
	m.counter("pulse_drain_accepted_lines_total", "Lines of requests that were answered with 204.", &c.Accepted)
	m.counter("pulse_drain_repeated_lines_total", "Lines of requests that were known again, and answered with 204.", &c.Repeated)
	m.counter("pulse_drain_refused_lines_total", "Lines of requests that were refused.", &c.Refused)
	m.counter("pulse_drain_unsure_lines_total", "Lines of requests that were answered with 503 although Kafka may get them in the end.", &c.Unsure)
	m.counter("pulse_drain_lost_messages_total", "Messages that Logplex says it has dropped (L10).", &c.Lost)
	m.counter("pulse_input_refused_connections_total", overHelp, &c.Over)
}

func (m inputMetrics) datagrams(c *ingest.DatagramCounts) {
	m.counter("pulse_input_lines_total", linesHelp, &c.Lines)
	m.counter("pulse_input_empty_datagrams_total", "Datagrams without any text.", &c.Empty)
	m.counter("pulse_input_refused_datagrams_total", "Datagrams that were read and not taken at the end.", &c.Refused)
	m.counter("pulse_input_dropped_datagrams_total", "Datagrams that the socket dropped because its buffer was full.", &c.Dropped)
}

func (m inputMetrics) records(c *ingest.KafkaCounts) {
	m.counter("pulse_input_lines_total", linesHelp, &c.Lines)
	m.counter("pulse_input_empty_records_total", "Records without any text.", &c.Empty)
	m.counter("pulse_input_foreign_records_total", "Records that are not JSON with the field that was asked for; all of each was the line.", &c.Foreign)
	m.counter("pulse_input_lost_records_total", "Records that retention took before they were read.", &c.Skipped)
}

// aortaFlags are those of a recording that is served, not sent to Kafka.
type aortaFlags struct{ address, secret string }

func (a *aortaFlags) add(f *flags) {
	f.vars["aorta-secret"] = "AORTA_SECRET"
	f.StringVar(&a.address, "serve-aorta", "", "do not send to Kafka, but serve the recording on this `address` to each client that says --aorta-secret")
	f.StringVar(&a.secret, "aorta-secret", "", "the `secret` of --serve-aorta")
}

// serve serves a recording until ctx ends.
func (a *aortaFlags) serve(ctx context.Context, e *environment, l *logFlags, r *replayFlags, files []string) error {
	log, err := l.logger(e.Stderr)
	if err != nil {
		return err
	}
	if a.secret == "" {
		return usagef("--serve-aorta needs --aorta-secret")
	}
	recording, err := ingest.OpenRecording(files)
	if err != nil {
		return err
	}
	listener, err := listen(a.address)
	if err != nil {
		return fmt.Errorf("--serve-aorta: %w", err)
	}
	fmt.Fprintf(e.Stdout, "aorta %s\n", listener.Addr())
	return ingest.AortaServer{
		Recording: recording, Secret: a.secret, Speed: uint32(r.speed), OriginalTimes: r.original, Loop: r.loop, Log: log,
	}.Run(ctx, listener)
}
