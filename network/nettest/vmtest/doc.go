// Package vmtest gives tests virtual machines on taps: QEMU without KVM (TCG), so
// that they run wherever root does, with Debian's kernel for clouds and a root that
// the test puts together.
//
//	vmtest.Tap(t, ns, "tap0")                             what the host does first
//	kernel := vmtest.FindKernel(t)                        from the cache
//	m := vmtest.Start(t, vmtest.Config{...})              boots in some seconds
//	m.WaitFor("I am up"); m.Wait()                        its serial console
//
// A machine looks like EC2's to its software: SMBIOS says so, from where Debian's
// cloud-init takes it
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html).
//
// Kernel and roots are prepared by .ci/deps-vm, in a directory that
// ROLECALL_TEST_CACHE names, or rolecall-test in the user's cache directory; tests
// only read there. A test whose part is missing is skipped, saying which. A machine
// ends with its test, also when that is killed. Of this module, vmtest may import
// nettest alone.
package vmtest
