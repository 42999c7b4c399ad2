// Package rotate decides when an instance's credentials are replaced, and what
// its programs are served when that fails.
//
// EC2 issues role credentials for about six hours and makes the next ones
// available long before the old ones end
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html).
// SDKs rely on it: with less than some 25 minutes left they believe in an outage
// of the metadata service, poll, and stretch the expiry. So credentials are
// replaced after a sixth of their life:
//
//	fresh ──1/6 of life──> due ──fetched──> fresh
//	                        │
//	                        ├──transient failure──> the last good ones are served,
//	                        │                       past their expiry too; back-off
//	                        └──refused────────────> the last good ones until they
//	                                                expire, then EC2's error document
//
// Invariants: a failure never replaces, hides or shortens good credentials. At
// most one fetch for an instance is under way. Deadlines are wall times and are
// looked at again every [Config.Recheck], because timers stand still while a
// machine is suspended. What one instance costs grows with the logarithm of the
// number of the others at most, but after a clock was set back.
//
// [Schedule] is the pure part; [Rotator] runs it. Nothing here may import a
// network package, a database or gin, nor read a clock but [Config.Now]. Where
// credentials come from is the business of the source room, where they are kept
// that of hold.
package rotate
