package emit

import (
	"net"
	"strings"
	"testing"
	"time"
)

func TestStatsD(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	s, err := NewStatsD(server.LocalAddr().String(), "pulse.")
	if err != nil {
		t.Fatal(err)
	}
	points := []Point{{Metric: "requests", Value: "12.5", Time: 1}, {Metric: "load", Value: "-3", Time: 1}, {Metric: "by-path./a:b|c", Value: "1e+21", Time: 1}}
	long := Point{Metric: strings.Repeat("x", 700), Value: "1"}
	if err := s.Send(t.Context(), append(points, long, long)); err != nil {
		t.Fatal(err)
	}
	server.SetReadDeadline(time.Now().Add(time.Minute))
	var packets []string
	for range 2 {
		b := make([]byte, 64<<10)
		n, _, err := server.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, string(b[:n]))
	}
	want := "pulse.requests:12.5|g\npulse.load:0|g\npulse.load:-3|g\npulse.by-path._a_b_c:1e+21|g\npulse." + long.Metric + ":1|g\n"
	if packets[0] != want || packets[1] != "pulse."+long.Metric+":1|g\n" {
		t.Errorf("got %q, want %q and one more", packets, want)
	}
	if err := s.Send(t.Context(), nil); err != nil {
		t.Error(err)
	}
	for _, bad := range [][2]string{{"localhost", ""}, {":8125", ""}, {"localhost:8125", "a b"}} {
		if _, err := NewStatsD(bad[0], bad[1]); err == nil {
			t.Errorf("NewStatsD(%q) was accepted", bad)
		}
	}
}
