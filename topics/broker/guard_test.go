package broker_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pulse/cmd/dev/testkit"
	"pulse/topics/broker"
)

// request is the bytes of a request of a kind and version.
func request(key, version int16, body string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, 7) // correlation
	return string(b) + body
}

func start(t testing.TB) *broker.Broker {
	t.Helper()
	b, err := broker.Start("127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func dial(t testing.TB, b *broker.Broker) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", b.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// works fails if a client cannot use the broker.
func works(t testing.TB, b *broker.Broker) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).ListTopics(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestGarbage: what is no request of Kafka's ends its connection and nothing else.
func TestGarbage(t *testing.T) {
	t.Parallel()
	b := start(t)
	for name, sent := range map[string]string{
		"a kind that there is not":   request(999, 0, "\x00\x00"),
		"a kind below zero":          request(-1, 0, "\x00\x00"),
		"a version too new":          request(int16(kmsg.Metadata), 999, "\x00\x00"),
		"a version below zero":       request(int16(kmsg.Metadata), -1, "\x00\x00"),
		"4 GB":                       "\xff\xff\xff\xff",
		"2 GB":                       "\x7f\xff\xff\xff" + request(int16(kmsg.Produce), 3, "")[4:],
		"101 MiB of records":         "\x06\x50\x00\x00" + request(int16(kmsg.Produce), 3, "")[4:],
		"2 MiB of something else":    "\x00\x20\x00\x00" + request(int16(kmsg.Metadata), 3, "")[4:],
		"nothing":                    "\x00\x00\x00\x00",
		"less than a request has":    "\x00\x00\x00\x07" + "1234567",
		"a web page's POST":          "POST / HTTP/1.1\r\nHost: localhost:9092\r\nContent-Length: 3\r\n\r\na=b",
		"a browser's TLS":            "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"an ACL to keep":             request(int16(kmsg.CreateACLs), 1, "\xff\xff"),
		"a user to keep":             request(int16(kmsg.AlterUserSCRAMCredentials), 0, "\xff\xff"),
		"a quota to keep":            request(int16(kmsg.AlterClientQuotas), 0, "\xff\xff"),
		"another's transaction":      request(int16(kmsg.WriteTxnMarkers), 0, "\xff\xff"),
		"a request after a good one": request(int16(kmsg.ApiVersions), 0, "\xff\xff") + request(999, 0, ""),
	} {
		before := b.Counts().Refused.Load()
		c := dial(t, b)
		if _, err := io.WriteString(c, sent); err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, c) // until it is closed, by a reset perhaps
		if n := b.Counts().Refused.Load(); n != before+1 {
			t.Errorf("%s: %d connections are counted as refused, want 1", name, n-before)
		}
	}
	works(t, b)
}

// TestBodies: requests that begin well and go on with what makes no sense.
func TestBodies(t *testing.T) {
	t.Parallel()
	b := start(t)
	bodies := []string{"", "\xff\xff", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff",
		"\xff\xff\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00"}
	for key := range int16(kmsg.MaxKey + 1) {
		r := kmsg.RequestForKey(key)
		if r == nil {
			continue
		}
		for _, version := range []int16{0, r.MaxVersion() / 2, r.MaxVersion()} {
			for _, body := range bodies {
				send(t, b, request(key, version, body))
			}
		}
	}
	works(t, b)
}

// send sends bytes and reads until the connection is closed, which may be before.
func send(t testing.TB, b *broker.Broker, sent string) {
	t.Helper()
	c := dial(t, b)
	defer c.Close()
	io.WriteString(c, sent)
	c.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, c)
}

// TestTags: a request that says that it has four billion tags, in its head or its body, takes
// no time.
func TestTags(t *testing.T) {
	t.Parallel()
	b := start(t)
	const many = "\xff\xff\xff\xff\x0f"
	for _, body := range []string{"\x00\x01a" + many, "\x00\x01a\x00\x02a\x02b" + many} {
		send(t, b, request(int16(kmsg.ApiVersions), 3, body))
	}
	works(t, b)
}

// TestBeyond: a request for what would take up all memory, or of what is the
// broker's own, ends its connection.
func TestBeyond(t *testing.T) {
	t.Parallel()
	b := start(t)
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: "t", NumPartitions: math.MaxInt32, ReplicationFactor: 1}}
	grow := kmsg.NewPtrCreatePartitionsRequest()
	grow.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: "t", Count: math.MaxInt32}}
	alter := kmsg.NewPtrAlterConfigsRequest()
	alter.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeBroker}}
	change := kmsg.NewPtrIncrementalAlterConfigsRequest()
	change.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeBroker}}
	for _, r := range []kmsg.Request{create, grow, alter, change} {
		before := b.Counts().Refused.Load()
		c := dial(t, b)
		if _, err := io.WriteString(c, request(r.Key(), 0, string(r.AppendTo([]byte("\xff\xff"))))); err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, c)
		if n := b.Counts().Refused.Load(); n != before+1 {
			t.Errorf("%T: %d connections are counted as refused, want 1", r, n-before)
		}
	}
	works(t, b)
}

// TestEnding: requests that are as Kafka has them, and at which kfake would end the process.
func TestEnding(t *testing.T) {
	t.Parallel()
	b := start(t)
	produce := kmsg.NewPtrProduceRequest()
	produce.Version, produce.Acks = 13, 1
	for id := range byte(2) {
		topic := kmsg.NewProduceRequestTopic()
		topic.TopicID[0] = 1 + id // that there is not
		topic.Partitions = []kmsg.ProduceRequestTopicPartition{kmsg.NewProduceRequestTopicPartition()}
		produce.Topics = append(produce.Topics, topic)
	}
	join := func(member string, protocols ...string) kmsg.Request {
		r := kmsg.NewPtrJoinGroupRequest()
		r.Version, r.Group, r.ProtocolType, r.MemberID, r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = 3, "g", "consumer", member, 10_000, 10_000
		for _, name := range protocols {
			p := kmsg.NewJoinGroupRequestProtocol()
			p.Name = name
			r.Protocols = append(r.Protocols, p)
		}
		return r
	}
	for _, r := range []kmsg.Request{produce, join("", "range", "range"), join("")} {
		body := "\xff\xff"
		if r.IsFlexible() {
			body += "\x00"
		}
		send(t, b, request(r.Key(), r.GetVersion(), string(r.AppendTo([]byte(body)))))
		works(t, b)
	}
}

// TestCrowd: idle connections do not keep clients out.
func TestCrowd(t *testing.T) {
	testkit.Long(t) // a thousand connections
	b := start(t)
	var idle []net.Conn
	for range 1100 {
		idle = append(idle, dial(t, b))
	}
	works(t, b)
	if n := b.Counts().Crowded.Load(); n < 100 {
		t.Errorf("%d connections made room, want 100 at least", n)
	}
	testkit.Eventually(t, "the first is closed", func() error {
		if _, err := idle[0].Read(make([]byte, 1)); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		return fmt.Errorf("it gave something")
	})
}

// FuzzBytes sends anything: the broker lives, and answers others.
func FuzzBytes(f *testing.F) {
	f.Add([]byte("POST / HTTP/1.1\r\n\r\n"))
	f.Add([]byte(request(int16(kmsg.ApiVersions), 3, "\xff\xff\x00\x02a\x02b\x00") + request(999, 0, "")))
	f.Add([]byte(request(int16(kmsg.Metadata), 0, "\xff\xff\x00\x00\x00\x00") + "\x7f\xff"))
	b := start(f)
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...))
	if err != nil {
		f.Fatal(err)
	}
	defer client.Close()
	f.Fuzz(func(t *testing.T, sent []byte) {
		send(t, b, string(sent))
		if err := client.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// FuzzRequest sends requests of any kind with any values: the broker lives, and
// answers others.
func FuzzRequest(f *testing.F) {
	for key := range int16(kmsg.MaxKey + 1) {
		if r := kmsg.RequestForKey(key); r != nil {
			for _, version := range []int16{0, r.MaxVersion()} {
				f.Add(key, version, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
			}
		}
	}
	b := start(f)
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...))
	if err != nil {
		f.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopics(f.Context(), 2, 1, nil, "a", "b"); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key, version int16, values []byte) {
		r := kmsg.RequestForKey(key)
		if r == nil || version < 0 || version > r.MaxVersion() {
			return
		}
		r.SetVersion(version)
		fill(reflect.ValueOf(r).Elem(), &values)
		body := "\xff\xff" // no client's id
		if r.IsFlexible() {
			body += "\x00" // no tags
		}
		send(t, b, request(key, version, string(r.AppendTo([]byte(body)))))
	})
}

// fill sets the fields of a request by bytes, and leaves the rest as it is when
// these have come to their end.
func fill(v reflect.Value, values *[]byte) {
	if len(*values) == 0 || !v.CanSet() {
		return
	}
	next := (*values)[0]
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "Version" && name != "UnknownTags" {
				fill(v.Field(i), values)
			}
		}
		return
	case reflect.Slice:
		*values = (*values)[1:]
		if v.Type().Elem().Kind() == reflect.Uint8 {
			n := min(int(next), len(*values))
			v.SetBytes((*values)[:n])
			*values = (*values)[n:]
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), int(next%4), int(next%4)))
		for i := range v.Len() {
			fill(v.Index(i), values)
		}
		return
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), values)
		return
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), values)
		}
		return
	}
	*values = (*values)[1:]
	number := []int64{0, 1, -1, 2, 10_000, math.MaxInt64, math.MinInt64, math.MaxInt32, math.MinInt32, int64(next)}[next%10]
	switch {
	case v.Kind() == reflect.String:
		v.SetString([]string{"", "a", "b", "*", "__consumer_offsets", "\xff"}[next%6])
	case v.Kind() == reflect.Bool:
		v.SetBool(next%2 == 1)
	case v.CanInt():
		v.SetInt(number)
	case v.CanUint():
		v.SetUint(uint64(number))
	case v.CanFloat():
		v.SetFloat(float64(number))
	}
}
