package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/rolestore/hosttoken"
	"github.com/rolecall/rolecall/rolestore/identity"
	"github.com/rolecall/rolecall/rolestore/source"
)

// certificateTime is how long a core may take to answer with its certificates.
const certificateTime = 10 * time.Second

func identityCommand(w world) *cobra.Command {
	command := &cobra.Command{Use: "identity", Short: "Instance identity documents"}
	command.AddCommand(identityVerify(w))
	return command
}

// trustedSite says by which certificates documents are verified.
type trustedSite struct{ file, core, authority string }

func identityVerify(w world) *cobra.Command {
	var trusted trustedSite
	var output string
	command := &cobra.Command{
		Use:   "verify FILE...",
		Short: "Verify an instance identity document, and show what it says and who vouches for it",
		Long: "Verifies what the metadata service answers at /latest/dynamic/instance-identity/: document and signature\n" +
			"together, or pkcs7 or rsa2048, each in a file, with or without the lines of PEM around it. - is the standard\n" +
			"input. The core vouches for the account and the instance id; the rest is the word of the instance's host.",
		Example: "  rolecall identity verify --core https://core.example.com:8473 rsa2048",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, files []string) error {
			certificates, err := trusted.certificates(command.Context())
			if err != nil {
				return err
			}
			var parts []identity.Part
			for _, name := range files {
				part, err := readPart(name)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				parts = append(parts, part)
			}
			v, err := identity.Verify(parts, certificates, w.now())
			if err != nil {
				return err
			}
			return showVerified(w, output, v)
		},
	}
	f := command.Flags()
	f.StringVar(&trusted.file, "cert", "", "`file` of the certificates to verify by, PEM")
	f.StringVar(&trusted.core, "core", "", "`URL` of the core to fetch them from")
	f.StringVar(&trusted.authority, "core-ca", "", "`file` of the certificate authority by which the core is known, PEM; the system's by default")
	outputFlag(command, &output)
	return command
}

func (t trustedSite) certificates(ctx context.Context) ([]*x509.Certificate, error) {
	switch {
	case (t.file == "") == (t.core == ""):
		return nil, errors.New("say by whose certificate to verify: --cert FILE, or --core URL to fetch it from there")
	case t.core == "" && t.authority != "":
		return nil, errors.New("--core-ca is for --core")
	case t.core == "":
		text, err := os.ReadFile(t.file)
		if err != nil {
			return nil, err
		}
		all, err := identity.ParseCertificates(text)
		if err != nil {
			return nil, fmt.Errorf("--cert %s: %w", t.file, err)
		}
		return all, nil
	}
	var trust source.Trust
	if t.authority != "" {
		text, err := os.ReadFile(t.authority)
		if err != nil {
			return nil, err
		}
		trust.Authority = string(text)
	}
	ctx, cancel := context.WithTimeout(ctx, certificateTime)
	defer cancel()
	all, err := fetchCertificates(ctx, t.core, trust)
	if err != nil {
		return nil, fmt.Errorf("--core %s: %w", t.core, err)
	}
	return all, nil
}

func fetchCertificates(ctx context.Context, core string, trust source.Trust) ([]*x509.Certificate, error) {
	client, endpoint, err := source.Dial(core, trust)
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+hosttoken.PathCertificates, nil)
	if err != nil {
		return nil, err
	}
	reply, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = reply.Body.Close() }()
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s: is it a core?", reply.Status)
	}
	text, err := io.ReadAll(io.LimitReader(reply.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	return identity.ParseCertificates(text)
}

// readPart reads one file, no further than any has a reason to go.
func readPart(name string) (identity.Part, error) {
	in := io.ReadCloser(os.Stdin)
	if name != "-" {
		var err error
		if in, err = os.Open(name); err != nil {
			return identity.Part{}, errors.Unwrap(err) // which names the file too
		}
		defer func() { _ = in.Close() }()
	}
	data, err := io.ReadAll(io.LimitReader(in, identity.MaxFile+1))
	if err != nil {
		return identity.Part{}, err
	}
	return identity.Parse(data)
}

// verifiedMember is a member of a verified document.
type verifiedMember struct {
	Name      string `json:"name"`
	Value     any    `json:"value"`
	VouchedBy string `json:"vouched_by"`
}

// verifiedDocument is what `identity verify` answers as JSON.
type verifiedDocument struct {
	Members     []verifiedMember `json:"members"`
	Certificate struct {
		Subject  string    `json:"subject"`
		NotAfter time.Time `json:"not_after"`
	} `json:"certificate"`
}

func showVerified(w world, output string, v identity.Verified) error {
	var d verifiedDocument
	d.Certificate.Subject, d.Certificate.NotAfter = v.Certificate.Subject.String(), v.Certificate.NotAfter
	for _, m := range v.Members {
		by := "host"
		if identity.IsVouched(m.Name) {
			by = "core"
		}
		d.Members = append(d.Members, verifiedMember{m.Name, m.Value, by})
	}
	return show(w, output, d, func(table io.Writer) {
		_, _ = fmt.Fprintln(table, "MEMBER\tVALUE\tVOUCHED FOR BY")
		for _, m := range d.Members {
			if m.Value != nil {
				_, _ = fmt.Fprintf(table, "%s\t%v\t%s\n", m.Name, m.Value, m.VouchedBy)
			}
		}
		_, _ = fmt.Fprintf(table, "\nSigned with the certificate of %s, valid until %s.\n", d.Certificate.Subject, d.Certificate.NotAfter.UTC().Format(time.RFC3339))
	})
}
