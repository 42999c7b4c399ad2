package iam

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/url"

	"github.com/boombuler/barcode/qr"

	"github.com/rolecall/rolecall/rolestore"
)

const (
	// quietZone is the margin in modules that a reader needs (ISO/IEC 18004 section 5.3.8).
	quietZone = 4

	// pixels is the side of a module: with the seeds' length, a picture of some 300 pixels.
	pixels = 6
)

// otpauth is what an authenticator reads of a device
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_VirtualMFADevice.html), with the
// issuer, by which a person tells this device from those that AWS itself gave him.
func otpauth(device, account string, seed rolestore.Secret) string {
	return "otpauth://totp/" + url.PathEscape(device+"@"+account) + "?" + url.Values{"secret": {seed.Reveal()}, "issuer": {"Rolecall"}}.Encode()
}

// qrCode is a text as a PNG.
func qrCode(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, err
	}
	modules := code.Bounds().Dx()
	side := (modules + 2*quietZone) * pixels
	picture := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for x := range modules {
		for y := range modules {
			if code.At(x, y) == color.Black {
				at := image.Pt((x+quietZone)*pixels, (y+quietZone)*pixels)
				draw.Draw(picture, image.Rectangle{at, at.Add(image.Pt(pixels, pixels))}, image.Black, image.Point{}, draw.Src)
			}
		}
	}
	var out bytes.Buffer
	err = png.Encode(&out, picture)
	return out.Bytes(), err
}
