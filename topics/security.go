package topics

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	xdg "github.com/xdg-go/scram"
)

// Mechanisms of SASL.
const (
	MechanismPlain     = "PLAIN"
	MechanismSCRAM256  = "SCRAM-SHA-256"
	MechanismSCRAM512  = "SCRAM-SHA-512"
	mechanismsInOrder  = MechanismPlain + ", " + MechanismSCRAM256 + " and " + MechanismSCRAM512
	maxCertificateFile = 1 << 20
)

// Security says how clients prove who they are, and who brokers must be. Texts in PEM
// may also be the names of files that hold them.
type Security struct {
	// TrustedCert is one or more certificates in PEM: a broker's chain must lead
	// to one of them, whatever its host name is, as with services that sign their
	// brokers' certificates themselves. Empty: the system's, and names must fit.
	TrustedCert string
	// ClientCert and ClientKey are the certificate that clients show, in PEM.
	ClientCert, ClientKey string
	// User and Password are those of SASL, by Mechanism: PLAIN, SCRAM-SHA-256 or
	// SCRAM-SHA-512, which it is if empty. No user: no SASL.
	User, Password, Mechanism string
}

// Secure returns the cluster with a security, which must fit the URLs of its brokers:
// certificates are for kafka+ssl://. No error tells a secret.
func (c Cluster) Secure(s Security) (Cluster, error) {
	switch {
	case c.tls == nil && s.TrustedCert+s.ClientCert+s.ClientKey != "":
		return Cluster{}, errors.New("TLS certificates are given (KAFKA_TRUSTED_CERT, KAFKA_CLIENT_CERT, KAFKA_CLIENT_CERT_KEY) but the brokers are not addressed with TLS: write kafka+ssl://host:port")
	case (s.ClientCert == "") != (s.ClientKey == ""):
		return Cluster{}, errors.New("the client certificate or its key is missing: set both KAFKA_CLIENT_CERT and KAFKA_CLIENT_CERT_KEY")
	case s.User == "" && s.Password+s.Mechanism != "":
		return Cluster{}, errors.New("SASL needs a user name: set KAFKA_SASL_USERNAME (--kafka-sasl-username)")
	case s.User != "" && s.Password == "":
		return Cluster{}, errors.New("SASL needs a password: set KAFKA_SASL_PASSWORD")
	}
	if c.tls != nil {
		c.tls = c.tls.Clone()
		if err := s.trust(c.tls); err != nil {
			return Cluster{}, err
		}
	}
	if s.User != "" {
		if s.Mechanism == "" {
			s.Mechanism = MechanismSCRAM512
		}
		switch s.Mechanism {
		case MechanismPlain, MechanismSCRAM256, MechanismSCRAM512:
		default:
			return Cluster{}, fmt.Errorf("unknown SASL mechanism %.40q: set KAFKA_SASL_MECHANISM to one of %s", s.Mechanism, mechanismsInOrder)
		}
		c.user, c.password, c.mechanism = s.User, s.Password, s.Mechanism
	}
	return c, nil
}

// trust enters the certificates.
func (s Security) trust(config *tls.Config) error {
	if s.TrustedCert != "" {
		text, err := readPEM(s.TrustedCert)
		if err != nil {
			return fmt.Errorf("cannot read the trusted certificates (KAFKA_TRUSTED_CERT): %w", err)
		}
		pool := x509.NewCertPool()
		for rest := text; ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return fmt.Errorf("a trusted certificate (KAFKA_TRUSTED_CERT) is not valid: %w", err)
			}
			pool.AddCert(certificate)
		}
		if pool.Equal(x509.NewCertPool()) {
			return errors.New("the trusted certificates (KAFKA_TRUSTED_CERT) are not PEM text: write PEM text or a path")
		}
		// The chain is checked here, and the host name is not.
		config.InsecureSkipVerify = true // #nosec G402 -- VerifyConnection follows
		config.VerifyConnection = func(state tls.ConnectionState) error { return checkChain(state, pool) }
	}
	if s.ClientCert != "" {
		certificate, err := readPEM(s.ClientCert)
		if err != nil {
			return fmt.Errorf("cannot read the client certificate (KAFKA_CLIENT_CERT): %w", err)
		}
		key, err := readPEM(s.ClientKey)
		if err != nil {
			return fmt.Errorf("cannot read the key of the client certificate (KAFKA_CLIENT_CERT_KEY): %w", err)
		}
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			return fmt.Errorf("the client certificate and its key (KAFKA_CLIENT_CERT, KAFKA_CLIENT_CERT_KEY) cannot be used: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// checkChain says what is wrong with a broker's certificates.
func checkChain(state tls.ConnectionState, roots *x509.CertPool) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the broker presents no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	return err
}

// readPEM returns a text in PEM, which text is or is the name of a file of.
func readPEM(text string) ([]byte, error) {
	if strings.Contains(text, "-----BEGIN ") {
		return []byte(text), nil
	}
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("it is neither PEM text nor a path: write one of them") // it may be a damaged key
	}
	info, err := os.Stat(text)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxCertificateFile {
		return nil, fmt.Errorf("%s is too large: it has %d bytes, at most %d are read", text, info.Size(), maxCertificateFile)
	}
	return os.ReadFile(text)
}

// securityOptions are those of franz-go.
func (c Cluster) securityOptions() []kgo.Opt {
	var options []kgo.Opt
	if c.tls != nil {
		options = append(options, kgo.DialTLSConfig(c.tls))
	}
	if c.user != "" {
		var m sasl.Mechanism
		switch c.mechanism {
		case MechanismPlain:
			m = plain.Auth{User: c.user, Pass: c.password}.AsMechanism()
		case MechanismSCRAM256:
			m = scram.Auth{User: c.user, Pass: c.password}.AsSha256Mechanism()
		default:
			m = scram.Auth{User: c.user, Pass: c.password}.AsSha512Mechanism()
		}
		options = append(options, kgo.SASL(m))
	}
	return options
}

// secure enters the same into sarama's configuration.
func (c Cluster) secure(config *sarama.Config) {
	if c.tls != nil {
		config.Net.TLS.Enable, config.Net.TLS.Config = true, c.tls.Clone()
	}
	if c.user == "" {
		return
	}
	s := &config.Net.SASL
	s.Enable, s.Version = true, sarama.SASLHandshakeV1
	s.User, s.Password, s.Mechanism = c.user, c.password, sarama.SASLMechanism(c.mechanism)
	switch c.mechanism {
	case MechanismSCRAM256:
		s.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{hash: xdg.SHA256} }
	case MechanismSCRAM512:
		s.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{hash: xdg.SHA512} }
	}
}

// scramClient is sarama's view of a SCRAM conversation.
type scramClient struct {
	hash         xdg.HashGeneratorFcn
	conversation *xdg.ClientConversation
}

// Begin implements sarama.SCRAMClient.
func (s *scramClient) Begin(user, password, authzID string) error {
	client, err := s.hash.NewClient(user, password, authzID)
	if err != nil {
		return err
	}
	s.conversation = client.NewConversation()
	return nil
}

// Step implements sarama.SCRAMClient.
func (s *scramClient) Step(challenge string) (string, error) { return s.conversation.Step(challenge) }

// Done implements sarama.SCRAMClient.
func (s *scramClient) Done() bool { return s.conversation.Done() }
