package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFileFields(t *testing.T) {
	id := strings.Repeat("0f", 32)
	for name, want := range map[string]string{
		"access.log": "",
		"/var/log/containers/web-6d4cf56db6-x2x9f_shop_nginx-" + id + ".log":                           "namespace=shop pod=web-6d4cf56db6-x2x9f container=nginx",
		"/var/log/containers/web-0_kube-system_side-car-" + id + ".log":                                "namespace=kube-system pod=web-0 container=side-car",
		"/var/log/pods/shop_web-0_0e1f9b0c-4a76-4c3b-9d3e-6a2b1c0d9e8f/nginx/0.log":                    "namespace=shop pod=web-0 container=nginx",
		"/var/log/pods/kube-system_etcd-a_0123456789abcdef0123456789abcdef/etcd/3.log.20251122-093134": "namespace=kube-system pod=etcd-a container=etcd",
		"/var/log/containers/web_shop.log":                                                             "",
		"/var/log/pods/a_b/c/0.log":                                                                    "",
	} {
		var got []string
		fields := fileFields(name)
		for i := 2; i < len(fields); i += 2 {
			got = append(got, fields[i]+"="+fields[i+1])
		}
		if fields[0] != "file" || fields[1] != name || strings.Join(got, " ") != want {
			t.Errorf("%s has %q, want the name and %s", name, fields, want)
		}
	}
}

// TestFilesOrigin: lines keep the name of their file through rotation, merging and a
// restart.
func TestFilesOrigin(t *testing.T) {
	f := folder{t, t.TempDir()}
	long := strings.Repeat("é", 120) // escaped, it is too long for an origin
	f.do(os.MkdirAll(f.name(long+"/"+long), 0o700))
	synctest.Test(t, func(t *testing.T) {
		var got []string
		positions := Positions{}
		follow := func(do ...func()) {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				files := Files{Name: "web", Globs: []string{f.name("*.log"), f.name("*/*/*.log")}, Follow: true, Positions: positions, Log: slog.New(slog.DiscardHandler)}
				ended <- files.Run(ctx, func(_ context.Context, b Batch) error {
					for key, value := range b.Positions {
						positions[key] = value
					}
					return eachLine(b.Lines, func(l []byte) error {
						if isEmpty(l) {
							return nil
						}
						fields := ""
						for key, value := range b.Origin.Fields() {
							fields += " " + key + "=" + strings.TrimPrefix(value, f.path+"/")
						}
						got = append(got, string(l[strings.LastIndexByte(string(l), ' ')+1:])+fields)
						return nil
					})
				})
			}()
			for _, d := range do {
				time.Sleep(2 * pollEvery)
				synctest.Wait()
				d()
			}
			time.Sleep(2 * pollEvery)
			synctest.Wait()
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		for i := range 3 {
			f.add("a.log", dated(at(float64(2*i)), fmt.Sprint("a", i))+"\n")
			f.add("b.log", dated(at(float64(2*i+1)), fmt.Sprint("b", i))+"\n")
		}
		follow(func() { f.move("a.log", "a.log.1"); f.add("a.log.1", "a3\n"); f.add("a.log", "a4\n") })
		f.add("a.log", "a5\n")
		f.move("a.log", "a.log.2")
		f.add(long+"/"+long+"/c.log", "c\n")
		follow()
		var want []string
		for _, l := range []string{"a0", "b0", "a1", "b1", "a2", "b2", "a3", "a4", "a5", "c"} {
			if l += " input=web"; l[0] != 'c' {
				l += " file=" + l[:1] + ".log"
			}
			want = append(want, l)
		}
		slices.Sort(got[6:]) // of two files, that came at once
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
