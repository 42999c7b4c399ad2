package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/rolecall/rolecall/cmd/rolecall/admin"
	"github.com/rolecall/rolecall/network/nettest/vmtest"
)

// docker is Debian's engine, in the network of a house.
type docker struct {
	*house
	dir, containerd string
	path            string // PATH of those who follow a recipe
	daemon          *process
	// byNamespace, byPort and byLabel are the README's recipes.
	byNamespace, byPort, byLabel string
}

// image is what the containers are made of.
const image = "rolecall-test"

func newDocker(t *testing.T) *docker {
	t.Helper()
	h := newHouse(t)
	needs(t, "dockerd", "docker", "iptables")
	h.write("core.yaml", guestRoles)
	h.up()
	d := &docker{house: h, dir: shortDir(t), containerd: h.startContainerd(t), path: h.program(t) + ":" + os.Getenv("PATH")}
	d.read()
	h.write("daemon.json", "{}\n") // for this machine's would be read
	t.Cleanup(func() {             // a daemon's second start leaves this
		_ = syscall.Unmount(filepath.Join(d.dir, "data"), syscall.MNT_DETACH)
	})
	d.start()
	d.sh("tar -C " + root(t) + " -c . | docker import - " + image)
	return d
}

// read finds the recipes.
func (d *docker) read() {
	d.t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		d.t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n### Docker\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(blocks) != 3 {
		d.t.Fatalf("the README has %d recipes for Docker, want 3", len(blocks))
	}
	d.byNamespace = strings.ReplaceAll(blocks[0][1], "IMAGE", image+" httpd -f -p 80")
	d.byPort, d.byLabel = blocks[1][1], blocks[2][1]
}

// start starts the daemon, with containers that run on while it is away.
func (d *docker) start() {
	d.t.Helper()
	in := func(name string) string { return filepath.Join(d.dir, name) }
	d.daemon = d.startCommand("dockerd", d.ns.Command(context.Background(), "dockerd", "--host", "unix://"+in("sock"),
		"--data-root", in("data"), "--exec-root", in("exec"), "--pidfile", in("pid"), "--containerd", d.containerd,
		"--config-file", d.house.path("daemon.json"), "--storage-driver", "vfs", "--live-restore"))
	d.daemon.waitFor("API listen on")
	d.t.Cleanup(func() { // or the containers would outlive the last daemon
		select {
		case <-d.daemon.done:
		default:
			if out, err := d.command(`docker ps -aq | xargs -r docker rm -f`).CombinedOutput(); err != nil {
				d.t.Errorf("remove the containers: %v\n%s", err, out)
			}
		}
	})
}

// command is a shell on the host, whose docker and rolecall are those of the test.
func (d *docker) command(script string) *exec.Cmd {
	cmd := d.ns.Command(context.Background(), "sh", "-ec", script)
	cmd.Env = append(os.Environ(), "PATH="+d.path, "DOCKER_HOST=unix://"+filepath.Join(d.dir, "sock"), "DOCKER_CONFIG="+d.dir)
	return cmd
}

// sh runs a script, which must succeed, and returns what it printed.
func (d *docker) sh(script string) string {
	d.t.Helper()
	out, err := d.command(script).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s\n%v\n%s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}

// again is a recipe for a container that runs already.
func again(recipe string) string {
	return strings.Replace(recipe, "docker run ", "true ", 1)
}

// has wants the container to have the profile's role, and returns its instance.
func (d *docker) has(name, profile string) admin.Instance {
	d.t.Helper()
	return d.answered(d.sh("docker exec "+name+" ask"), profile)
}

// answered wants what a container printed to be of the profile's role.
func (d *docker) answered(printed, profile string) admin.Instance {
	d.t.Helper()
	for key, want := range map[string]string{"first": "200", "source": "EC2RoleProvider", "iam/security-credentials/": profile} {
		if got := vmtest.Answer(d.t, printed, key); got != want {
			d.t.Errorf("the container has %s %q, want %q", key, got, want)
		}
	}
	return d.find(vmtest.Answer(d.t, printed, "instance-id"))
}

// refused wants a knock to have been in vain.
func (d *docker) refused(who, printed string) {
	d.t.Helper()
	if printed != "knock=" {
		d.t.Errorf("%s is answered: %s", who, printed)
	}
}

// namespace is the number of a container's namespace in the house's, which is there
// as long as the namespace is (ip-netns(8), list-id).
func (d *docker) namespace(name string) string {
	d.t.Helper()
	pid, err := strconv.Atoi(d.sh("docker inspect -f '{{.State.Pid}}' " + name))
	if err != nil {
		d.t.Fatal(err)
	}
	var number int
	d.ns.Do(func() {
		if number, err = netlink.GetNetNsIdByPid(pid); err != nil || number != -1 {
			return
		}
		number = 4711
		err = netlink.SetNetNsIdByPid(pid, number)
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return "nsid " + strconv.Itoa(number)
}

// ended wants an instance to be ended, and its container's namespace and device to be
// gone with it.
func (d *docker) ended(i admin.Instance, namespace string) {
	d.t.Helper()
	d.until("the end of instance "+i.ID, func() bool { return d.find(i.ID).State == admin.StateEnded })
	d.until("the end of its namespace", func() bool {
		return !strings.Contains(d.ns.Run(d.t, "ip", "netns", "list-id")+" ", namespace+" ")
	})
	d.until("the end of its device", func() bool {
		return d.ns.Run(d.t, "ip", "-o", "link", "show", "type", "veth") == ""
	})
}

// TestDockerByTheRecipesOfTheReadme follows them with the real engine.
func TestDockerByTheRecipesOfTheReadme(t *testing.T) {
	d := newDocker(t)
	d.followByNamespace()
	d.followByPort()
	d.followWithoutNetwork()
	d.followByLabel()
}

// followByNamespace has a container on the default bridge that serves port 80 itself,
// one that joins it, and a neighbour.
func (d *docker) followByNamespace() {
	d.t.Helper()
	d.sh(d.byNamespace)
	i := d.has("web", "web")
	d.until("the container to serve", func() bool { return d.command("docker exec web nc 127.0.0.1 80").Run() == nil })
	d.answered(d.sh("docker run --rm --network container:web "+image+" ask"), "web")
	d.refused("who routes by way of the container", d.sh(`docker run --rm --cap-add NET_ADMIN `+image+` sh -c "
		ip route add 169.254.169.254 via $(docker inspect -f '{{.NetworkSettings.Networks.bridge.IPAddress}}' web) && knock knock"`))
	namespace := d.namespace("web")
	d.sh("docker restart -t 0 web")
	d.until("the end of the instance", func() bool { return d.find(i.ID).State == admin.StateEnded })
	d.refused("a container that was restarted", d.sh("docker exec web knock knock"))
	d.sh(again(d.byNamespace))
	d.has("web", "web")
	d.sh("docker rm -f web")
	d.ended(i, namespace)
}

// followByPort has the engine and the firewall started anew meanwhile.
func (d *docker) followByPort() {
	d.t.Helper()
	d.sh("docker run -d --name web " + image + " sleep infinity")
	id, _, _ := strings.Cut(d.byNamespace[strings.Index(d.byNamespace, "id="):], "\n")
	d.sh(id + "\n" + d.byPort + "rolecall instance wait $id")
	i, namespace := d.has("web", "web"), d.namespace("web")
	d.daemon.signal(syscall.SIGTERM)
	d.sh("iptables -F; iptables -t nat -F")
	d.start()
	d.has("web", "web")
	d.sh("nft flush ruleset")
	d.until("the rules", func() bool { return strings.Contains(d.sh("nft list tables"), "bridge rolecall") })
	d.has("web", "web")
	d.sh("docker kill web")
	d.ended(i, namespace)
	if left := d.ns.Run(d.t, "ip", "neigh", "show", "nud", "permanent"); left != "" {
		d.t.Errorf("neighbours are left:\n%s", left)
	}
	d.sh("docker rm web")
}

func (d *docker) followWithoutNetwork() {
	d.t.Helper()
	d.sh(strings.Replace(d.byNamespace, "docker run ", "docker run --network none ", 1))
	i, namespace := d.has("web", "web"), d.namespace("web")
	d.sh("docker stop -t 0 web")
	d.ended(i, namespace)
	d.sh("docker rm web")
}

// followByLabel has a program that follows the events of the engine.
func (d *docker) followByLabel() {
	d.t.Helper()
	cmd := d.command(d.byLabel)
	cmd.SysProcAttr.Setpgid = true
	loop := d.startCommand("the recipe by label", cmd)
	d.t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // the shell and what it waits for
		<-loop.done
	})
	d.sh("docker run -d --name plain " + image + " sleep infinity")
	id := "i-" + d.sh("docker run -d --name db --label rolecall.profile=db " + image + " sleep infinity")[:17]
	served := func() {
		d.t.Helper()
		d.until("the instance", func() bool { return d.find(id).State == admin.StateAttached })
		d.sh("rolecall instance wait " + id)
		d.has("db", "db")
	}
	served()
	d.sh("docker kill db")
	d.until("the end of the instance", func() bool { return d.find(id).State == admin.StateEnded })
	d.sh("docker start db")
	served()
	d.refused("a container without the label", d.sh("docker exec plain knock knock"))
	d.sh("docker rm -f db plain")
	d.until("no instance", func() bool { return d.find(id).ID == "" })
}
