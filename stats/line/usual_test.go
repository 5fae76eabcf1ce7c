package line

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestUsual reads what programs write by default, and what is told from it with care: each
// line has its format, its time, these fields and no others.
func TestUsual(t *testing.T) {
	for _, test := range []struct{ line, format, time, fields string }{
		// FTP, AWS.
		{`Sat Nov 22 09:31:34 2025 [pid 3] [bob] FAIL UPLOAD: Client "::ffff:198.51.100.7", "/srv/a.zip", 0.00Kbyte/sec`, "vsftpd", "2025-11-22T09:31:34Z", `code='FAIL; http_host='::ffff:198.51.100.7; http_path='/srv/a.zip; http_user='bob; name='UPLOAD; ps=3`},
		{`Sat Nov 22 09:31:34 2025 [pid 12] [anonymous] OK LOGIN: Client "198.51.100.7", anon password "x@y"`, "vsftpd", "2025-11-22T09:31:34Z", `code='OK; http_host='198.51.100.7; http_user='anonymous; name='LOGIN; ps=12`},
		{`Sat Nov 22 09:31:34 2025 [pid 12] listening`, "unparsed", "2025-11-22T09:31:34Z", `unparsed=true`},
		{`2 123456789010 eni-1235b8ca 198.51.100.7 10.0.0.1 20641 22 6 20 4249 1763803834 1763803894 REJECT OK`, "vpcflow", "2025-11-22T09:31:34Z", `account-id=123456789010; action='REJECT; bytes=4249; dstaddr='10.0.0.1; dstport=22; interface-id='eni-1235b8ca; log-status='OK; packets=20; protocol=6; srcaddr='198.51.100.7; srcport=20641`},
		{`2 123456789010 eni-1235b8ca 198.51.100.7 10.0.0.1 20641 22 6 20 4249 1763803834 REJECT OK`, "unparsed", "", `unparsed=true`},
		{`79a59df900b949e55d96 shop [22/Nov/2025:09:31:34 +0000] 198.51.100.7 - 3E57 REST.GET.VERSIONING - "GET /shop?versioning HTTP/1.1" 200 - 113 - 7 - "-" "agent" -`, "s3", "2025-11-22T09:31:34Z", `http_bytes=113; http_frontend='shop; http_host='198.51.100.7; http_method='GET; http_path='/shop; http_request_id='3E57; http_request_time=0.007; http_status=200; http_url='/shop?versioning; http_user_agent='agent; http_version=1.1; name='REST.GET.VERSIONING`},
		{`START RequestId: 6a9f-b7c8 Version: $LATEST`, "lambda", "", `http_request_id='6a9f-b7c8`},
		{`REPORT RequestId without a colon`, "unparsed", "", `unparsed=true`},
		// Firewalls, monitoring, mail, phones.
		{`date=2025-11-22 time=10:31:34 devname="fw" tz="+0100" level="notice" duration=45`, "logfmt", "2025-11-22T09:31:34Z", `date='2025-11-22; devname='fw; duration=45; level='notice; time='10:31:34; tz='+0100`},
		{`date=2025-11-22 time=09:31:34 eventtime=1763803894123456789 level="notice" sentbyte=12`, "logfmt", "2025-11-22T09:31:34.123456789Z", `date='2025-11-22; eventtime=1763803894123456789; level='notice; sentbyte=12; time='09:31:34`},
		{`<189>date=2025-11-22 time=09:31:34 devname="fw" level="warning" duration=45`, "syslog", "2025-11-22T09:31:34Z", `date='2025-11-22; devname='fw; duration=45; facility='local7; level='notice; msg='date=2025-11-22 time=09:31:34 devname="fw" level="warning" duration=45; time='09:31:34`},
		{`<30>device="SFW" date=2025-11-22 time=10:31:34 timezone="CET" status="Deny" bytes=5`, "syslog", "2025-11-22T09:31:34Z", `bytes=5; date='2025-11-22; device='SFW; facility='daemon; level='info; msg='device="SFW" date=2025-11-22 time=10:31:34 timezone="CET" status="Deny" bytes=5; status='Deny; time='10:31:34; timezone='CET`},
		{`date=2025-11-22 time=late duration=45`, "logfmt", "", `date='2025-11-22; duration=45; time='late`},
		{`12345:20251122:093134.123 slow query: 5.123456 sec, "select 1"`, "zabbix", "2025-11-22T09:31:34.123Z", `msg='slow query: 5.123456 sec, "select 1"; ps=12345`},
		{`12345:20251322:093134.123 no month 13`, "unparsed", "", `unparsed=true`},
		{`11-22 09:31:34.123  1234  5678 E ActivityManager: ANR n=5`, "logcat", "2025-11-22T09:31:34.123Z", `ANR=true; level='error; msg='ANR n=5; n=5; ps=1234; source='ActivityManager`},
		{`11-22 09:31:34.123 W/System.err( 1234): at=5`, "logcat", "2025-11-22T09:31:34.123Z", `at=5; level='warning; msg='at=5; ps=1234; source='System.err`},
		{`2025-11-22 09:31:34.123  1234  5678 V Tag: at=5`, "logcat", "2025-11-22T09:31:34.123Z", `at=5; level='debug; msg='at=5; ps=1234; source='Tag`},
		{`2025-11-22 09:31:34 1rAbCd-0001aB-2x ** bob@example.com R=dnslookup T=remote_smtp: all hosts have been failing`, "exim", "2025-11-22T09:31:34Z", `R='dnslookup; T='remote_smtp; address='bob@example.com; message_id='1rAbCd-0001aB-2x; name='**`},
		{`@40000000692183000754d4c0 2025-11-22 09:31:34 INFO status=500`, "tai64n", "2025-11-22T09:31:34.123Z", `level='INFO; msg='status=500; status=500`},
		{`@400000006921830007270e00 starting`, "tai64n", "2025-11-22T09:31:34.12Z", `msg='starting`},
		{`@ZZ00000069218300075bca00 starting`, "unparsed", "", `unparsed=true`},
		{`2025-11-22T09:31:34.123Z info vpxd[12345] n=5`, "unparsed", "2025-11-22T09:31:34.123Z", `unparsed=true`},
		{`2025-11-22T09:31:34.123Z In(166) vobd[2097]: [esx.problem] n=5`, "vmware", "2025-11-22T09:31:34.123Z", `level='info; msg='[esx.problem] n=5; n=5; ps=2097; source='vobd`},
		{`[1763803894] SERVICE NOTIFICATION: admins;web-1;HTTP;CRITICAL;notify;refused`, "nagios", "2025-11-22T09:31:34Z", `msg='admins;web-1;HTTP;CRITICAL;notify;refused; name='SERVICE NOTIFICATION`},
		{"2025-11-22T09:31:34.123456Z\t   12 Quarry\tselect 1", "unparsed", "2025-11-22T09:31:34.123456Z", `unparsed=true`},
		{`2025-11-22 09:31:34.12 Server      SQL Server is starting`, "mssql", "2025-11-22T09:31:34.12Z", `msg='SQL Server is starting; source='Server`},
		// Times.
		{`20251122T093134.123Z INFO status=500`, "log", "2025-11-22T09:31:34.123Z", `level='INFO; msg='status=500; status=500`},
		{`20251122 093134 INFO status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`20251122 09:31:34 INFO status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`20251122T103134+0100 ERROR status=500`, "log", "2025-11-22T09:31:34Z", `level='ERROR; msg='status=500; status=500`},
		{`[20251122 09:31:34.123] [INFO] status=500`, "log", "2025-11-22T09:31:34.123Z", `level='INFO; msg='status=500; status=500`},
		{`20251322T093134Z INFO status=500`, "unparsed", "", `unparsed=true`},
		{`time=20251122T093134Z status=500`, "logfmt", "2025-11-22T09:31:34Z", `status=500; time='20251122T093134Z`},
		{`{"ts":"20251122093134","status":500}`, "json", "2025-11-22T09:31:34Z", `status=500; ts=20251122093134`},
		{`081109 203615 148 INFO dfs.DataNode$PacketResponder: status=500`, "log", "2008-11-09T20:36:15Z", `level='INFO; msg='status=500; ps=148; source='dfs.DataNode$PacketResponder; status=500`},
		{`25/11/22 09:31:34 WARN TaskSetManager: status=500`, "log", "2025-11-22T09:31:34Z", `level='WARN; msg='status=500; source='TaskSetManager; status=500`},
		{`25/11/22 09:31:34 WARN status=500`, "log", "", `level='WARN; msg='status=500; status=500`},
		{`2025/11/22-09:31:34.123456 INFO status=500`, "log", "2025-11-22T09:31:34.123456Z", `level='INFO; msg='status=500; status=500`},
		{`2025-11-22_09:31:34 INFO status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`2025-11-22T09:31:34z INFO status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`2025-11-22T09:31:34:123 INFO status=500`, "log", "2025-11-22T09:31:34.123Z", `level='INFO; msg='status=500; status=500`},
		{`2025-11-22 09:31:34 Z INFO status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`2025-11-22 09:31:34 BRT INFO status=500`, "log", "2025-11-22T12:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`2025-11-22 09:31:34 AST INFO status=500`, "log", "", `level='INFO; msg='status=500; status=500`},
		{`2025-11-22 10:31:34 Europe/Berlin INFO status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`2025-11-22 10:31:34 Europe/Nowhere INFO status=500`, "log", "", `level='INFO; msg='status=500; status=500`},
		{`2025-11-22T10:31:34.123+01:00[Europe/Berlin] INFO status=500`, "log", "2025-11-22T09:31:34.123Z", `level='INFO; msg='status=500; status=500`},
		{`2025-11-22T09:31:34.123Z[UTC] INFO status=500`, "log", "2025-11-22T09:31:34.123Z", `level='INFO; msg='status=500; status=500`},
		{`2025-11-22 10:31:34 GMT+1 INFO status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`2025-11-22 06:01:34 UTC-03:30 INFO status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`2025-11-22T10:31:34.123+01:00:00 INFO status=500`, "unparsed", "2025-11-22T09:31:34.123Z", `unparsed=true`},
		{`22 Nov 2025, 09:31:34 INFO status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`Nov 22, 2025 9:31:34 PM INFO status=500`, "log", "2025-11-22T21:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`November 22, 2025 09:31:34 INFO status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`Nov 22 2025 09:31:34 INFO status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`Nov 22 09:31:34 ERROR status=500`, "log", "2025-11-22T09:31:34Z", `level='ERROR; msg='status=500; status=500`},
		{`Sat 22 Nov 2025 09:31:34 AM UTC INFO status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`[1763803894.123456] INFO status=500`, "log", "2025-11-22T09:31:34.123456Z", `level='INFO; msg='status=500; status=500`},
		{`{"timestamp":"Sat Nov 22 2025 10:31:34 GMT+0100 (Central European Standard Time)","status":500}`, "json", "2025-11-22T09:31:34Z", `status=500; timestamp='Sat Nov 22 2025 10:31:34 GMT+0100 (Central European Standard Time)`},
		{`{"timestamp":"2025-11-22 10:31:34.123 +0100 CET m=+0.001","status":500}`, "json", "2025-11-22T09:31:34.123Z", `status=500; timestamp='2025-11-22 10:31:34.123 +0100 CET m=+0.001`},
		{`{"timestamp":"2025-11-22T10:31:34+01:00[Europe/Berlin]","status":500}`, "json", "2025-11-22T09:31:34Z", `status=500; timestamp='2025-11-22T10:31:34+01:00[Europe/Berlin]`},
		{`{"EdgeStartTimestamp":1763803894123000000,"EdgeResponseStatus":500}`, "json", "2025-11-22T09:31:34.123Z", `EdgeResponseStatus=500; EdgeStartTimestamp=1763803894123000000`},
		{`{"timestamp":{"$date":"2025-11-22T09:31:34Z"},"status":500}`, "json", "2025-11-22T09:31:34Z", `status=500; timestamp.$date='2025-11-22T09:31:34Z`},
		{`{"dt":"2025-11-22T09:31:34Z","status":500}`, "json", "2025-11-22T09:31:34Z", `dt='2025-11-22T09:31:34Z; status=500`},
		{`2025-11-22 9:31:34 INFO status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`{"time":"2025-11-22 9:31:34,123 +0100","status":500}`, "json", "2025-11-22T08:31:34.123Z", `status=500; time='2025-11-22 9:31:34,123 +0100`},
		{`2025-11-22 09:31:34 EST5EDT INFO status=500`, "log", "2025-11-22T14:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`Saturday, 22-Nov-25 09:31:34 GMT INFO status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`Sat, 22 Nov 25 09:31:34 +0100 INFO status=500`, "log", "2025-11-22T08:31:34Z", `level='INFO; msg='status=500; status=500`},
		{`{"time":"Sat, 22 Nov 75 09:31:34 GMT","status":500}`, "json", "1975-11-22T09:31:34Z", `status=500; time='Sat, 22 Nov 75 09:31:34 GMT`},
		{`Nov 22, 2025 @ 09:31:34.123 INFO status=500`, "log", "2025-11-22T09:31:34.123Z", `level='INFO; msg='status=500; status=500`},
		{`2025-11-22T09:31:34.123456789012Z INFO status=500`, "log", "2025-11-22T09:31:34.123456789Z", `level='INFO; msg='status=500; status=500`},
		{`{"time":"22.11.2025 09:31:34,123","status":500}`, "json", "2025-11-22T09:31:34.123Z", `status=500; time='22.11.2025 09:31:34,123`},
		{`{"time":" 2025-11-22T09:31:34Z ","status":500}`, "json", "2025-11-22T09:31:34Z", `status=500; time=' 2025-11-22T09:31:34Z `},
		{`[INFO] hi time=2025-11-22T09:31:34Z n=1`, "log", "2025-11-22T09:31:34Z", `hi=true; level='INFO; msg='hi time=2025-11-22T09:31:34Z n=1; n=1; time='2025-11-22T09:31:34Z`},
		{`info: sold {"n":1,"timestamp":"2025-11-22T09:31:34Z"}`, "log", "2025-11-22T09:31:34Z", `level='info; msg='sold {"n":1,"timestamp":"2025-11-22T09:31:34Z"}; n=1; timestamp='2025-11-22T09:31:34Z`},
		{`INFO: sold start_time=2024-11-22T09:31:34Z`, "log", "", `level='INFO; msg='sold start_time=2024-11-22T09:31:34Z; sold=true; start_time='2024-11-22T09:31:34Z`},
		{`2025-11-22 09:31:34 INFO sold time=2024-11-22T09:31:34Z`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='sold time=2024-11-22T09:31:34Z; sold=true; time='2024-11-22T09:31:34Z`},
		{`2025-11-22 09:31:34 INFO Sold 5 items (took 3 tries): status=500 n=1`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='Sold 5 items (took 3 tries): status=500 n=1; n=1; status=500`},
		{`2025-11-22 09:31:34 INFO main.go:5 status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='main.go:5 status=500; status=500`},
		{`2025-11-22 09:31:34 INFO Sold "status=500 n=1" [a=5 b=6] (c=7)`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='Sold "status=500 n=1" [a=5 b=6] (c=7)`},
		{`Nov 22 09:31:34 mx shop: 2025-11-22 09:31:34 10.0.0.1 GET /a status=500 80 - 1.2.3.4 agent 200`, "syslog", "2025-11-22T09:31:34Z", `host='mx; msg='2025-11-22 09:31:34 10.0.0.1 GET /a status=500 80 - 1.2.3.4 agent 200; source='shop`},
		{`Nov 22 09:31:34 mx shop: Got #5, 1.5 of 3: status=500`, "syslog", "2025-11-22T09:31:34Z", `host='mx; msg='Got #5, 1.5 of 3: status=500; source='shop; status=500`},
		{`<14>1 2025-11-22T09:31:34Z web-1 shop 12 - - Sold #5: status=500`, "syslog", "2025-11-22T09:31:34Z", `facility='user; host='web-1; level='info; msg='Sold #5: status=500; ps=12; source='shop; status=500`},
		// Loggers.
		{`2025.11.22 09:31:34.123456 [ 12 ] {f1a2-33} <Error> executeQuery: status=500`, "log", "2025-11-22T09:31:34.123456Z", `level='Error; msg='status=500; ps=12; source='executeQuery; status=500`},
		{`09:31:34,123 INFO  [org.jboss.as.server] (MSC service thread 1-2) status=500`, "log", "", `level='INFO; msg='status=500; ps='MSC service thread 1-2; source='org.jboss.as.server; status=500`},
		{`2025-11-22 09:31:34,123 ERROR [stderr] (default task-1) status=500`, "log", "2025-11-22T09:31:34.123Z", `level='ERROR; msg='status=500; ps='default task-1; source='stderr; status=500`},
		{`2025-11-22 09:31:34,123 INFO  [main] (Shop.java:5) status=500`, "log", "2025-11-22T09:31:34.123Z", `caller='Shop.java:5; level='INFO; msg='status=500; ps='main; status=500`},
		{`2025-11-22 09:31:34.123456 W | etcdserver: status=500`, "log", "2025-11-22T09:31:34.123456Z", `level='warning; msg='status=500; source='etcdserver; status=500`},
		{`2025-11-22T09:31:34.123Z pid=12 tid=abc class=HardJob elapsed=0.005 INFO: status=500`, "log", "2025-11-22T09:31:34.123Z", `class='HardJob; elapsed=0.005; level='INFO; msg='status=500; pid=12; status=500; tid='abc`},
		{`09:31:34.123 request_id=abc [info] status=500`, "log", "", `level='info; msg='status=500; request_id='abc; status=500`},
		{`2025-11-22 09:31:34 took=5 status=500`, "log", "2025-11-22T09:31:34Z", `msg='took=5 status=500; status=500; took=5`},
		{`2025-11-22T09:31:34+0000 error shop : status=500`, "log", "2025-11-22T09:31:34Z", `level='error; msg='status=500; source='shop; status=500`},
		{`2025-11-22 09:31:34 error in shop: status=500`, "log", "2025-11-22T09:31:34Z", `error=true; in=true; msg='error in shop: status=500; status=500`},
		{`2025-11-22T09:31:34.123456Z ERROR request{method=GET path=/a}:cart{n=1}: shop::cart: status=500`, "log", "2025-11-22T09:31:34.123456Z", `level='ERROR; msg='status=500; source='shop::cart; status=500`},
		{`2025-11-22T09:31:34.123456Z  INFO ThreadId(01) shop: src/main.rs:5: status=500`, "log", "2025-11-22T09:31:34.123456Z", `caller='src/main.rs:5; level='INFO; msg='status=500; ps=1; source='shop; status=500`},
		{`fail: Shop.Cart[12] status=500`, "log", "", `level='fail; msg='status=500; source='Shop.Cart; status=500`},
		{`2025-11-22T09:31:34.123Z info: Shop.Cart[0] status=500`, "log", "2025-11-22T09:31:34.123Z", `level='info; msg='status=500; source='Shop.Cart; status=500`},
		{`info: items[3] status=500`, "log", "", `level='info; msg='items[3] status=500; status=500`},
		{`INFO[2025-11-22T09:31:34.123456789Z] status=500`, "log", "2025-11-22T09:31:34.123456789Z", `level='INFO; msg='status=500; status=500`},
		{`=ERROR REPORT==== 22-Nov-2025::09:31:34.123456 ===`, "log", "2025-11-22T09:31:34.123456Z", `level='ERROR`},
		{`=SUPERVISOR REPORT==== 22-Nov-2025::09:31:34 ===`, "log", "2025-11-22T09:31:34Z", ``},
		{`[ ERROR ] sold out (Shop/Cart.swift:5)`, "log", "", `caller='Shop/Cart.swift:5; level='ERROR; msg='sold out (Shop/Cart.swift:5)`},
		{`[03/04/2025 09:31:34] [12] [INFO] status=500`, "log", "", `level='INFO; msg='status=500; ps=12; status=500`},
		{`[2025-11-22 09:31:34] local.INFO: User logged in {"id":7} `, "log", "2025-11-22T09:31:34Z", `id=7; level='INFO; msg='User logged in {"id":7} ; source='local`},
		{`I, [2025-11-22T09:31:34.123456 #12]  INFO -- : [6a9f] Completed 404 Not Found in 1ms (ActiveRecord: 0.5ms)`, "log", "2025-11-22T09:31:34.123456Z", `ActiveRecord=0.5; http_request_time=0.001; http_status=404; level='INFO; msg='[6a9f] Completed 404 Not Found in 1ms (ActiveRecord: 0.5ms); ps=12`},
		{`[6a9f] Completed 500 Internal Server Error in 12ms`, "rails", "", `http_request_time=0.012; http_status=500`},
		{`Completed the task in 12ms`, "unparsed", "", `unparsed=true`},
		{`# User@Host: bob[bob] @  [10.0.0.1]`, "mysql-slow", "", `user='bob`},
		{`# Thread_id: 12  Schema: shop  QC_hit: No`, "mysql-slow", "", `QC_hit='No; Schema='shop; Thread_id=12`},
		{`# Query_time and more: 5`, "unparsed", "", `unparsed=true`},
		{`[12345.678901][ T123] usb: n=5`, "kernel", "", `msg='usb: n=5; n=5`},
		{`kern  :warn  : [    1.234567] usb: n=5`, "kernel", "", `facility='kern; level='warn; msg='usb: n=5; n=5`},
		{` INFO [2025-11-22 09:31:34,123] com.example.Shop: status=500`, "log", "2025-11-22T09:31:34.123Z", `level='INFO; msg='status=500; source='com.example.Shop; status=500`},
		{`[2025-11-22 09:31:34.123 +0000] INFO (12 on web-1): status=500`, "log", "2025-11-22T09:31:34.123Z", `level='INFO; msg='status=500; ps=12; status=500`},
		{`[09:31:34.123] ERROR (shop/12): status=500`, "log", "", `level='ERROR; msg='status=500; ps=12; source='shop; status=500`},
		{`2025-11-22 09:31:34 INFO (of sorts): status=500`, "log", "2025-11-22T09:31:34Z", `level='INFO; msg='(of sorts): status=500; status=500`},
		{`2025-11-22 09:31:34,123 shop.views INFO status=500`, "log", "2025-11-22T09:31:34.123Z", `level='INFO; msg='status=500; source='shop.views; status=500`},
		{`2025-11-22 09:31:34,123 Shop.java:12 ERROR status=500`, "log", "2025-11-22T09:31:34.123Z", `caller='Shop.java:12; level='ERROR; msg='status=500; status=500`},
		{`2025-11-22 09:31:34 some ERROR status=500`, "log", "2025-11-22T09:31:34Z", `ERROR=true; msg='some ERROR status=500; some=true; status=500`},
		{`2025-11-22T09:31:34.123Z [web] info: status=500 {"n":5}`, "log", "2025-11-22T09:31:34.123Z", `level='info; msg='status=500 {"n":5}; n=5; ps='web; status=500`},
		{`[Nest] 12  - 11/22/2025, 9:31:34 AM     LOG [RoutesResolver] CartController {/cart}: +5ms`, "log", "", `level='LOG; msg='[RoutesResolver] CartController {/cart}: +5ms; ps=12`},
		{`2025-11-22 09:31:34.123456: I tensorflow/core/x.cc:12] status=500`, "log", "2025-11-22T09:31:34.123456Z", `caller='tensorflow/core/x.cc:12; level='info; msg='status=500; status=500`},
		// Syslog.
		{`<14> Nov 22 09:31:34 web-1 shop[12]: status=500`, "syslog", "2025-11-22T09:31:34Z", `facility='user; host='web-1; level='info; msg='status=500; ps=12; source='shop; status=500`},
		{`<14>shop[12]: status=500`, "syslog", "", `facility='user; level='info; msg='status=500; ps=12; source='shop; status=500`},
		{`<14>Nov 22 10:31:34 CET web-1 shop[12]: status=500`, "syslog", "2025-11-22T09:31:34Z", `facility='user; host='web-1; level='info; msg='status=500; ps=12; source='shop; status=500`},
		{`<14>2025-11-22 09:31:34 web-1 shop[12]: status=500`, "syslog", "2025-11-22T09:31:34Z", `facility='user; host='web-1; level='info; msg='status=500; ps=12; source='shop; status=500`},
		{`<14>Sat Nov 22 09:31:34 2025 web-1 shop[12]: status=500`, "syslog", "2025-11-22T09:31:34Z", `facility='user; host='web-1; level='info; msg='status=500; ps=12; source='shop; status=500`},
		{`<14>Nov 2 09:31:34 web-1 shop: status=500`, "syslog", "2025-11-02T09:31:34Z", `facility='user; host='web-1; level='info; msg='status=500; source='shop; status=500`},
		{`<14>Nov 22 09:31:34 web-1 (systemd)[12]: status=500`, "syslog", "2025-11-22T09:31:34Z", `facility='user; host='web-1; level='info; msg='status=500; ps=12; source='(systemd); status=500`},
		{`<14>Nov 22 09:31:34 web-1 shop[12] status=500`, "syslog", "2025-11-22T09:31:34Z", `facility='user; host='web-1; level='info; msg='status=500; ps=12; source='shop; status=500`},
		{`<14>Nov 22 09:31:34 web-1 shop: @cee:{"status":500}`, "syslog", "2025-11-22T09:31:34Z", `facility='user; host='web-1; level='info; msg='@cee:{"status":500}; source='shop; status=500`},
		{`<189>: 2025 Nov 22 09:31:34.123 UTC: %ETHPORT-5-IF_UP: status=500`, "cisco", "2025-11-22T09:31:34.123Z", `code='IF_UP; facility='local7; level='notice; msg='status=500; source='ETHPORT; status=500`},
		{`Sat 2025-11-22 10:31:34 CET web-1 systemd[1]: status=500`, "syslog", "2025-11-22T09:31:34Z", `host='web-1; msg='status=500; ps=1; source='systemd; status=500`},
		{`1763803894.123456 web-1 sshd[12]: status=500`, "log", "2025-11-22T09:31:34.123456Z", `host='web-1; msg='status=500; ps=12; source='sshd; status=500`},
		{`Nov 22 09:31:34 mx postfix/qmgr[12]: 9D1B92: from=<a@example.com>, size=1234, nrcpt=1`, "syslog", "2025-11-22T09:31:34Z", `from='<a@example.com>; host='mx; msg='9D1B92: from=<a@example.com>, size=1234, nrcpt=1; nrcpt=1; ps=12; size=1234; source='postfix/qmgr`},
		{`Nov 22 09:31:34 mx shop[12]: 10.0.0.1: status=500`, "syslog", "2025-11-22T09:31:34Z", `host='mx; msg='10.0.0.1: status=500; ps=12; source='shop`},
		{`<150>1 2025-11-22T09:31:34Z web-1 shop: status=500 "a" b c`, "syslog", "2025-11-22T09:31:34Z", `b=true; c=true; facility='local2; host='web-1; level='info; msg='status=500 "a" b c; source='shop; status=500`},
		// Go's log with its place in the code.
		{"2025/11/22 09:31:34.123456 /src/main.go:12: status=500 a=5", "log", "2025-11-22T09:31:34.123456Z", "a=5; caller='/src/main.go:12; msg='status=500 a=5; status=500"},
		{"2025/11/22 09:31:34 main.go:12: sold out", "log", "2025-11-22T09:31:34Z", "caller='main.go:12; msg='sold out"},

		// Envelopes.
		{`{"date":1763803894.123,"log":"2025-11-22 09:31:33 INFO status=500\n"}`, "json", "2025-11-22T09:31:33Z", "date=1763803894.123; level='INFO; log='2025-11-22 09:31:33 INFO status=500\n; msg='status=500; status=500"},
		{`{"date":1763803894.123,"log":"2025-11-22 10:31:33 INFO status=500\n"}`, "json", "2025-11-22T09:31:34.123Z", "date=1763803894.123; level='INFO; log='2025-11-22 10:31:33 INFO status=500\n; msg='status=500; status=500"},
		{`{"date":1763803894.123,"log":"2025-11-22T10:31:33Z INFO status=500\n"}`, "json", "2025-11-22T10:31:33Z", "date=1763803894.123; level='INFO; log='2025-11-22T10:31:33Z INFO status=500\n; msg='status=500; status=500"},
		{`{"date":1763803894.123,"log":"sold out"}`, "json", "2025-11-22T09:31:34.123Z", `date=1763803894.123; log='sold out`},
		{`{"date":"2025-11-22T09:31:34Z","log":"status=500"}`, "json", "2025-11-22T09:31:34Z", `date='2025-11-22T09:31:34Z; log='status=500`},
		{"web-1  | \x1b[31m[ERROR]\x1b[0m status=500", "compose", "", `container='web-1; level='ERROR; msg='status=500; status=500`},
		{`09:31:34 web.1     | status=500`, "log", "", `container='web.1; msg='status=500; status=500`},
		// Access.
		{`198.51.100.9,10.0.0.1 - - [22/Nov/2025:09:31:34 +0000] "GET /a HTTP/1.1" 200 12`, "access", "2025-11-22T09:31:34Z", `http_bytes=12; http_host='198.51.100.9; http_method='GET; http_path='/a; http_status=200; http_url='/a; http_version=1.1`},
		{`198.51.100.9:1234 - "" [22/Nov/2025:09:31:34 +0000] "GET /a HTTP/1.1" 200 12`, "access", "2025-11-22T09:31:34Z", `http_bytes=12; http_host='198.51.100.9; http_method='GET; http_path='/a; http_status=200; http_url='/a; http_version=1.1`},
		{`2001:db8::1 - - [22/Nov/2025:09:31:34 +0000] "GET /a HTTP/1.1" 200 12`, "access", "2025-11-22T09:31:34Z", `http_bytes=12; http_host='2001:db8::1; http_method='GET; http_path='/a; http_status=200; http_url='/a; http_version=1.1`},
		{`198.51.100.7 [22/Nov/2025:09:31:34 +0000] "GET /a HTTP/1.1" 200 12`, "access", "2025-11-22T09:31:34Z", `http_bytes=12; http_host='198.51.100.7; http_method='GET; http_path='/a; http_status=200; http_url='/a; http_version=1.1`},
		{`198.51.100.7 bob [22/Nov/2025:09:31:34 +0000] "GET /a HTTP/1.1" 200 12`, "access", "2025-11-22T09:31:34Z", `http_bytes=12; http_host='198.51.100.7; http_method='GET; http_path='/a; http_status=200; http_url='/a; http_user='bob; http_version=1.1`},
		{`198.51.100.7 - - [22/Nov/2025:09:31:34 +0000] "GET /a HTTP/1.1" 200 12 "-" "-" "198.51.100.9:51234, 10.0.0.1"`, "access", "2025-11-22T09:31:34Z", `http_bytes=12; http_forwarded_for='198.51.100.9; http_host='198.51.100.7; http_method='GET; http_path='/a; http_status=200; http_url='/a; http_version=1.1`},
		{`198.51.100.7 - - [22/Nov/2025:09:31:34 +0000] "GET /a HTTP/1.1" 200 - 0.0123`, "access", "2025-11-22T09:31:34Z", `http_host='198.51.100.7; http_method='GET; http_path='/a; http_request_time=0.0123; http_status=200; http_url='/a; http_version=1.1`},
		{`198.51.100.7 - - [22/Nov/2025:09:31:34 +0000] "GET /a HTTP/1.1" 200 12 "-" "-" 0.0123`, "access", "2025-11-22T09:31:34Z", `http_bytes=12; http_host='198.51.100.7; http_method='GET; http_path='/a; http_status=200; http_url='/a; http_version=1.1`},
		{`"198.51.100.7, 10.0.0.1" example.com [22/Nov/2025:09:31:34 +0000] "GET /a HTTP/1.1" 200 12`, "access", "2025-11-22T09:31:34Z", `http_bytes=12; http_host='198.51.100.7; http_method='GET; http_path='/a; http_status=200; http_url='/a; http_version=1.1`},
		{`198.51.100.7 example.com [22/Nov/2025:09:31:34 +0000] "GET /a HTTP/1.1" 200 12`, "access", "2025-11-22T09:31:34Z", `http_bytes=12; http_host='198.51.100.7; http_method='GET; http_path='/a; http_status=200; http_url='/a; http_version=1.1`},
		{`example.com:80  198.51.100.7 - - [22/Nov/2025:09:31:34 +0000] "GET /a HTTP/1.1" 200 12`, "access", "2025-11-22T09:31:34Z", `http_bytes=12; http_domain='example.com; http_host='198.51.100.7; http_method='GET; http_path='/a; http_status=200; http_url='/a; http_version=1.1`},
		{`2001:db8::1 2001:db8::2 - bob [22/Nov/2025:09:31:34 +0000] "GET /a HTTP/1.1" 200 12`, "access", "2025-11-22T09:31:34Z", `http_bytes=12; http_host='2001:db8::2; http_method='GET; http_path='/a; http_status=200; http_url='/a; http_user='bob; http_version=1.1`},
		{`127.0.0.1 - - [22/Nov/2025:09:31:34 +0000] "GET /a" 200 - /srv/a.php 12.345 2048 50.00%`, "access", "2025-11-22T09:31:34Z", `http_host='127.0.0.1; http_status=200`},
		{`127.0.0.1 - bob 22/Nov/2025:09:31:34 +0000 "GET /a.php?b=1" 200`, "php-fpm", "2025-11-22T09:31:34Z", `http_host='127.0.0.1; http_method='GET; http_path='/a.php; http_status=200; http_url='/a.php?b=1; http_user='bob`},
		{`::1 - GET /a HTTP/1.1 200 12 - 5.123 ms`, "morgan", "", `http_bytes=12; http_host='::1; http_method='GET; http_path='/a; http_request_time=0.005123; http_status=200; http_url='/a; http_version=1.1`},
		{`GET /a?b=1 200 5.123 ms - -`, "morgan", "", `http_method='GET; http_path='/a; http_request_time=0.005123; http_status=200; http_url='/a?b=1`},
		{`GET /a?status=500 was slow`, "unparsed", "", `unparsed=true`},
		{`198.51.100.7:33320 [22/Nov/2025:09:31:34.655] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0`, "haproxy", "2025-11-22T09:31:34.655Z", `http_backend='bck; http_bytes=212; http_frontend='fnt; http_host='198.51.100.7; http_request_time=5.007; http_server='srv1`},
		{`198.51.100.7:33320 [22/Nov/2025:09:31:34.655] fnt/1: SSL handshake failure`, "unparsed", "", `unparsed=true`},
		// Values.
		{`msg='two words' user='bob', n=5`, "logfmt", "", `msg='two words; n=5; user='bob`},
		{`msg='don't' it='s n=5`, "logfmt", "", `it=''s; msg='don't; n=5`},
		{`took=1.5 s n=5 MB k=5 x`, "logfmt", "", `k=5; n=5000000; took=1500; x=true`},
		{`took=0.5s; status=500; x="y";`, "logfmt", "", `status=500; took=500; x='y`},
		{`a=12kb b=2Gi c=1h2m d=5m e="1.5 s" f=90sec g="5 minutes"`, "logfmt", "", `a=12000; b=2147483648; c=3720000; d='5m; e=1500; f=90000; g='5 minutes`},
		{`{"time":"2025-11-22T09:31:34Z","a":NaN,"b":-Infinity,"c":5}`, "json", "2025-11-22T09:31:34Z", `c=5; time='2025-11-22T09:31:34Z`},
		{`{"xff":"198.51.100.9:1234","forwarded_for":"198.51.100.9:1234, 10.0.0.1"}`, "json", "", `forwarded_for='198.51.100.9; xff='198.51.100.9`},
		{`upstream_response_time=0.004, 0.012 uct=0.001 : 0.002, - urt=- n=5`, "logfmt", "", `n=5; uct=0.003; upstream_response_time=0.016; urt='-`},
		{"key=`a b` n=5", "logfmt", "", `key='a b; n=5`},
		// More loggers.
		{`2025/11/22 09:31:34 cmd/web.go:242:runWeb() [I] status=500`, "log", "2025-11-22T09:31:34Z", `caller='cmd/web.go:242:runWeb(); level='info; msg='status=500; status=500`},
		{`[ABCDE] 2025/11/22 09:31:34.123456 INFO: status=500`, "log", "2025-11-22T09:31:34.123456Z", `level='INFO; msg='status=500; ps='ABCDE; status=500`},
		{`[12] 2025/11/22 09:31:34.123456 [INF] status=500`, "log", "2025-11-22T09:31:34.123456Z", `level='INF; msg='status=500; ps=12; status=500`},
		{`(Sat Nov 22 09:31:34 2025) [sssd] [main] (0x0010): status=500`, "unparsed", "2025-11-22T09:31:34Z", `unparsed=true`},
		{`[2025-11-22, 09:31:34 UTC] {taskinstance.py:1157} INFO - status=500`, "log", "2025-11-22T09:31:34Z", `caller='taskinstance.py:1157; level='INFO; msg='status=500; status=500`},
		{`INFO:werkzeug:198.51.100.7 - - [22/Nov/2025 09:31:34] "GET / HTTP/1.1" 200 -`, "log", "2025-11-22T09:31:34Z", `http_host='198.51.100.7; http_method='GET; http_path='/; http_status=200; http_url='/; http_version=1.1; level='INFO; msg='198.51.100.7 - - [22/Nov/2025 09:31:34] "GET / HTTP/1.1" 200 -; source='werkzeug`},
		{`2025-11-22 09:31:34.123 INFO  (qtp12-34) [c:shop s:shard1] o.a.s.c.S.Request [shop_shard1] path=/select status=0 QTime=3`, "log", "2025-11-22T09:31:34.123Z", `QTime=3; level='INFO; msg='[shop_shard1] path=/select status=0 QTime=3; path='/select; ps='qtp12-34; source='o.a.s.c.S.Request; status=0`},
		{`2025-11-22 09:31:34.123 WARNING (MainThread) [homeassistant.loader] status=500`, "log", "2025-11-22T09:31:34.123Z", `level='WARNING; msg='status=500; ps='MainThread; source='homeassistant.loader; status=500`},
		{`1763803894: New connection from 198.51.100.7 on port 1883.`, "unparsed", "2025-11-22T09:31:34Z", `unparsed=true`},
		{`[1763803894] unbound[12:0] info: status=500`, "unparsed", "2025-11-22T09:31:34Z", `unparsed=true`},
		{`22-Nov-2025 09:31:34.123 queries: info: client @0x7f status=500`, "log", "2025-11-22T09:31:34.123Z", `@0x7f=true; client=true; level='info; msg='client @0x7f status=500; source='queries; status=500`},
		{`2025-11-22 09:31:34,123 fail2ban.actions        [12]: NOTICE  [sshd] Ban 198.51.100.7`, "log", "2025-11-22T09:31:34.123Z", `level='NOTICE; msg='[sshd] Ban 198.51.100.7; ps=12; source='fail2ban.actions`},
		{`[09:31:34] [Server thread/INFO]: status=500`, "log", "", `level='INFO; msg='status=500; ps='Server thread; status=500`},
		{`[2025-11-22 09:31:34] WARNING[12]: status=500`, "log", "2025-11-22T09:31:34Z", `level='WARNING; msg='status=500; status=500`},
		{`2025-11-22T09:31:34Z E! [outputs.influxdb] status=500`, "log", "2025-11-22T09:31:34Z", `level='error; msg='[outputs.influxdb] status=500; status=500`},
		{`2025-11-22 09:31:34 1abc-0000-00 <= a@example.com H=mx S=1234`, "unparsed", "2025-11-22T09:31:34Z", `unparsed=true`},
		{"2025-11-22T09:31:34.123Z\tINFO\t[beat]\tinstance/beat.go:12\tstatus=500", "log", "2025-11-22T09:31:34.123Z", `caller='instance/beat.go:12; level='INFO; msg='status=500; source='beat; status=500`},
		{`Sat Nov 22 09:31:34 2025 [pid 6] [ida] FTP command: Client "198.51.100.7", "STOR plan.txt"`, "vsftpd", "2025-11-22T09:31:34Z", `http_host='198.51.100.7; http_user='ida; name='FTP command; ps=6`},
	} {
		format, at, got := parseAll(t, test.line)
		if got != test.fields || at != test.time || format != test.format {
			t.Errorf("%s\n got %s at %q: %s\nwant %s at %q: %s", test.line, format, at, got, test.format, test.time, test.fields)
		}
	}
}

// parseAll parses a line and gives its format, its time and all fields that it can have, but
// for a message that is the whole line.
func parseAll(t *testing.T, text string) (format, at, all string) {
	t.Helper()
	names := map[string]bool{}
	for _, g := range Givens {
		names[g.Name] = true
	}
	for _, name := range Names([]byte(text)) {
		names[name] = true
	}
	delete(names, "line")
	s := newSchema(t, slices.Sorted(maps.Keys(names))...)
	sc, ev := s.NewScanner(), new(Event)
	sc.NearRecorded(unix(t, "2025-11-22T09:32:34Z"))
	b := buffer(text)
	if n := testing.AllocsPerRun(5, func() { sc.Parse(ev, b, 0, len(text)) }); n > 0 {
		t.Errorf("%v allocations: %s", n, text)
	}
	got := describe(s, ev)
	if got["msg"] == "'"+text {
		delete(got, "msg")
	}
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(got)) {
		fields = append(fields, name+"="+got[name])
	}
	format, _, _ = strings.Cut(shapeOf(s, ev), ",")
	second, nanos, ok := ev.Time()
	return format, formatTime(second*1e9+int64(nanos), ok), strings.Join(fields, "; ")
}
