package topics_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/topics"
	"pulse/topics/topicstest"
)

// both tries both clients: for as long as it takes if they should get in.
func both(t *testing.T, c topics.Cluster, in bool) (viaFranz, viaSarama error) {
	t.Helper()
	options := c.ClientOptions("test")
	if !in {
		options = append(options, kgo.RetryTimeout(time.Second))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	viaFranz = client.Ping(t.Context())
	config := c.GroupConfig("test", "")
	config.Metadata.Retry.Max = 0
	s, viaSarama := sarama.NewClient(c.Brokers, config)
	if viaSarama == nil {
		viaSarama = s.Close()
	}
	return viaFranz, viaSarama
}

// TestSecurity: both clients get in with what is right, and with nothing else.
func TestSecurity(t *testing.T) {
	other := topicstest.NewAuthority(t)
	for _, mechanism := range []string{topics.MechanismPlain, topics.MechanismSCRAM256, topics.MechanismSCRAM512} {
		url, right := topicstest.Secure(t, mechanism)
		for name, test := range map[string]struct {
			change func(*topics.Security)
			in     bool
		}{
			"what is right":              {func(*topics.Security) {}, true},
			"several trusted":            {func(s *topics.Security) { s.TrustedCert = other.PEM + "\n" + s.TrustedCert }, true},
			"another authority":          {func(s *topics.Security) { s.TrustedCert = other.PEM }, false},
			"only what the system knows": {func(s *topics.Security) { s.TrustedCert = "" }, false},
			"no client certificate":      {func(s *topics.Security) { s.ClientCert, s.ClientKey = "", "" }, false},
			"another's certificate": {func(s *topics.Security) {
				s.ClientCert, s.ClientKey = other.Issue(x509.ExtKeyUsageClientAuth)
			}, false},
			"a wrong password": {func(s *topics.Security) { s.Password = "wrong" }, false},
			"no user":          {func(s *topics.Security) { s.User, s.Password, s.Mechanism = "", "", "" }, false},
		} {
			t.Run(mechanism+", "+name, func(t *testing.T) {
				t.Parallel()
				s := right
				test.change(&s)
				c, err := topics.ParseCluster(url)
				if err == nil {
					c, err = c.Secure(s)
				}
				if err != nil {
					t.Fatal(err)
				}
				viaFranz, viaSarama := both(t, c, test.in)
				if (viaFranz == nil) != test.in || (viaSarama == nil) != test.in {
					t.Errorf("franz-go: %v; sarama: %v; they should get in: %v", viaFranz, viaSarama, test.in)
				}
			})
		}
	}
}

// TestSecurityRefuses: what cannot be meant is an error that tells no secret.
func TestSecurityRefuses(t *testing.T) {
	a := topicstest.NewAuthority(t)
	certificate, key := a.Issue(x509.ExtKeyUsageClientAuth)
	file := filepath.Join(t.TempDir(), "trusted.pem")
	if err := os.WriteFile(file, []byte(a.PEM), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		url string
		s   topics.Security
		ok  bool
	}{
		"nothing":                       {"a", topics.Security{}, true},
		"TLS alone":                     {"kafka+ssl://a", topics.Security{}, true},
		"a file":                        {"kafka+ssl://a", topics.Security{TrustedCert: file}, true},
		"SASL without TLS":              {"a", topics.Security{User: "u", Password: "s3cret"}, true},
		"certificates without TLS":      {"a", topics.Security{TrustedCert: a.PEM}, false},
		"a certificate without its key": {"kafka+ssl://a", topics.Security{ClientCert: certificate}, false},
		"a key of another certificate":  {"kafka+ssl://a", topics.Security{ClientCert: a.PEM, ClientKey: key}, false},
		"a file that is not there":      {"kafka+ssl://a", topics.Security{TrustedCert: file + "x"}, false},
		"no PEM":                        {"kafka+ssl://a", topics.Security{TrustedCert: "s3cret\ns3cret"}, false},
		"PEM of something else":         {"kafka+ssl://a", topics.Security{TrustedCert: key}, false},
		"a damaged certificate":         {"kafka+ssl://a", topics.Security{TrustedCert: strings.Replace(a.PEM, "MII", "MIJ", 1)}, false},
		"a password without a user":     {"a", topics.Security{Password: "s3cret"}, false},
		"a user without a password":     {"a", topics.Security{User: "u"}, false},
		"a mechanism that is none":      {"a", topics.Security{User: "u", Password: "s3cret", Mechanism: "GSSAPI"}, false},
	} {
		c, err := topics.ParseCluster(test.url)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Secure(test.s)
		if (err == nil) != test.ok || err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "PRIVATE")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
