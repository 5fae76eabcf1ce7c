package web

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

const lookEvery = time.Minute // whether the files of a certificate have changed

// certificate is a server's, from files that are read again when they change, as
// whoever renews certificates expects.
type certificate struct {
	certFile, keyFile string

	mu      sync.Mutex
	current *tls.Certificate
	written time.Time // when the file was, that current is from
	looked  time.Time
}

// newCertificate reads the files; it is nil without names.
func newCertificate(certFile, keyFile string) (*certificate, error) {
	if certFile == "" && keyFile == "" {
		return nil, nil
	}
	if certFile == "" || keyFile == "" {
		return nil, errors.New("TLS needs both files: give --http-cert and --http-key")
	}
	c := &certificate{certFile: certFile, keyFile: keyFile}
	if err := c.read(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *certificate) read() error {
	var written time.Time // before they are read: what comes in between is read again
	if info, err := os.Stat(c.certFile); err == nil {
		written = info.ModTime()
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("cannot use the certificate %s with the key %s: %w", c.certFile, c.keyFile, err)
	}
	c.current, c.written, c.looked = &pair, written, time.Now()
	return nil
}

// get is tls.Config's GetCertificate. Files that are half written, or gone, leave
// the certificate that there is.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) >= lookEvery {
		c.looked = time.Now()
		if info, err := os.Stat(c.certFile); err == nil && !info.ModTime().Equal(c.written) {
			c.read() //nolint:errcheck // the next look tries again
		}
	}
	return c.current, nil
}
