package wire

import (
	"crypto"
	"crypto/x509"
	"slices"
)

// ScramSHA256Plus is the mechanism with channel binding (RFC 5802, section 6).
const ScramSHA256Plus = "SCRAM-SHA-256-PLUS"

// boundFlag opens the messages of a client that binds, in the only way that
// PostgreSQL knows: to the server's certificate (RFC 5929, section 4).
const boundFlag = "p=tls-server-end-point"

// EndPoint is the tls-server-end-point binding data of a server's certificate:
// its digest by the hash of its signature, or by SHA-256 where that is weaker or
// none. PostgreSQL knows no data for Ed25519 either way and fails; so do we,
// with nil.
func EndPoint(cert *x509.Certificate) []byte {
	var h crypto.Hash
	switch cert.SignatureAlgorithm {
	case x509.PureEd25519, x509.UnknownSignatureAlgorithm:
		return nil
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		h = crypto.SHA384
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		h = crypto.SHA512
	default:
		h = crypto.SHA256
	}
	sum := h.New()
	sum.Write(cert.Raw)
	return sum.Sum(nil)
}

// Bind offers channel binding to the client. A nil endPoint does not.
func (x *ServerExchange) Bind(endPoint []byte) { x.endPoint = endPoint }

// Mechanisms is the data of AuthSASL, the best first.
func (x *ServerExchange) Mechanisms() string {
	if x.endPoint == nil {
		return ScramSHA256 + "\x00\x00"
	}
	return ScramSHA256Plus + "\x00" + ScramSHA256 + "\x00\x00"
}

// Choose takes the mechanism that the client has chosen.
func (x *ServerExchange) Choose(mechanism string) error {
	x.bound = mechanism == ScramSHA256Plus
	if mechanism != ScramSHA256 && (!x.bound || x.endPoint == nil) {
		return Violation("client chose the SASL mechanism %q, which was not offered", mechanism)
	}
	return nil
}

// checkFlag compares what the client says about binding with what was chosen. A
// "y" where binding was offered means that somebody took the offer out.
func (x *ServerExchange) checkFlag(flag string) error {
	switch {
	case x.bound && flag == boundFlag, !x.bound && flag == "n", flag == "y" && x.endPoint == nil:
		return nil
	case !x.bound && flag == "y":
		return Fatalf("28000", "SCRAM channel binding was offered, but the client was told that it was not").
			WithHint("Somebody between the client and pgherd may have changed their messages.")
	}
	return Violation("SCRAM message with the wrong channel binding flag")
}

// binding is what client-final-message repeats in c=.
func (x *ServerExchange) binding() []byte {
	if x.bound {
		return slices.Concat(x.gs2, x.endPoint)
	}
	return x.gs2
}

// Bind makes the client able to bind to the server's certificate; nil does not.
func (x *ClientExchange) Bind(endPoint []byte) { x.endPoint = endPoint }

// Choose picks a mechanism from the data of AuthSASL; "" when none is known.
func (x *ClientExchange) Choose(offered []byte) string {
	var plain, plus bool
	for {
		name, rest, ok := CString(offered)
		if !ok || len(name) == 0 {
			break
		}
		plain = plain || string(name) == ScramSHA256
		plus = plus || string(name) == ScramSHA256Plus
		offered = rest
	}
	x.bound = plus && x.endPoint != nil
	switch {
	case x.bound:
		return ScramSHA256Plus
	case plain:
		return ScramSHA256
	}
	return ""
}

// gs2 is the header that says whether the client binds, could, or can't.
func (x *ClientExchange) gs2() []byte {
	switch {
	case x.bound:
		return []byte(boundFlag + ",,")
	case x.endPoint != nil:
		return []byte("y,,")
	}
	return []byte("n,,")
}

func (x *ClientExchange) binding() []byte {
	if x.bound {
		return slices.Concat(x.gs2(), x.endPoint)
	}
	return x.gs2()
}
