package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
)

func TestStatusTable(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { v := now.Add(d); return &v }
	role := "arn:aws:iam::123456789012:role/default"
	for name, test := range map[string]struct {
		instance admin.Instance
		notes    []string
		want     string
	}{
		"all is well": {
			instance: admin.Instance{ID: "i-0123456789abcdef0", Attachment: "host", RoleARN: role,
				Expiration: at(5 * time.Hour), LastRefresh: at(-time.Hour), NextRefresh: at(time.Minute)},
			want: `INSTANCE             ATTACHMENT  ROLE                                    VALID FOR  REFRESHED   NEXT REFRESH  FAILURES
i-0123456789abcdef0  host        arn:aws:iam::123456789012:role/default  5h0m0s     1h0m0s ago  in 1m0s       0

Requests for port 80 come to port 8474 (port mode rewrite).
`},
		"nothing yet, and why": {
			instance: admin.Instance{ID: "i-0123456789abcdef0", Attachment: "host", RoleARN: role,
				NextRefresh: at(-time.Second), Failures: 3, LastError: "the issuer does not answer",
				LastRefusal: &admin.Refusal{Time: now.Add(-2 * time.Second), Peer: "127.0.0.1:4711", Path: "/latest/meta-data/\x1b[2J\nNote: all is well", Status: 401,
					Reason: "there is no session token", Remedy: "use an SDK with IMDSv2"}},
			notes: []string{"mend this"},
			want: `INSTANCE             ATTACHMENT  ROLE                                    VALID FOR  REFRESHED  NEXT REFRESH  FAILURES
i-0123456789abcdef0  host        arn:aws:iam::123456789012:role/default  -          never      now           3

Requests for port 80 come to port 8474 (port mode rewrite).

i-0123456789abcdef0: last refresh failed: the issuer does not answer

i-0123456789abcdef0: last refused request, 2s ago: "/latest/meta-data/\x1b[2J\nNote: all is well" from 127.0.0.1:4711 got 401: there is no session token
  use an SDK with IMDSv2

Note: mend this
`},
		"over": {
			instance: admin.Instance{ID: "i-0123456789abcdef0", Attachment: "host", RoleARN: role,
				Expiration: at(0), LastRefresh: at(-6 * time.Hour), NextRefresh: at(time.Second)},
			want: `INSTANCE             ATTACHMENT  ROLE                                    VALID FOR  REFRESHED   NEXT REFRESH  FAILURES
i-0123456789abcdef0  host        arn:aws:iam::123456789012:role/default  expired    6h0m0s ago  in 1s         0

Requests for port 80 come to port 8474 (port mode rewrite).
`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			w := world{stdout: &out, now: func() time.Time { return now }}
			if err := printStatus(w, admin.Status{PortMode: "rewrite", Port: 8474, Instances: []admin.Instance{test.instance}, Notes: test.notes}); err != nil {
				t.Fatal(err)
			}
			if out.String() != test.want {
				t.Errorf("status prints\n%s\nwant\n%s", &out, test.want)
			}
		})
	}
}
