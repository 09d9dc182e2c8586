#include "crypto/x509.h"

#include <doctest/doctest.h>

#include "base/text.h"

namespace crypto {
namespace {

// Throw-away keys and a certificate made by the openssl command line (genrsa -traditional, ecparam -genkey, req -x509).
constexpr std::string_view pkcs1_rsa_key = R"(
-----BEGIN RSA PRIVATE KEY-----
MIIEowIBAAKCAQEAwHHILXmFM5ExZLO455msWl6tOBCElPYG27P54YxtEb1REh0s
e4TMnq4wRuI6vb2g88Ho6KFFLqHauI5jPMdfZZvLf9XSvOVRWIEZNeY4ykIUF11M
dzt38gZplXf6mCOCp2vlWF3oJc9MxBmEm7BW/7bDlBEVMXxcdu7Ifecy2+SxAPvx
SEPTxAeUmf+8qHeucfnbyxSoprYIe8fn4W9i1oHLiMciT/LUpnTa6wSyeNi8BN1N
yK2VJp3x9aiYr8z4aXr6FOegDskzKdpnwkNXOWch8LC2twlbIJ/2eFQ4tZaXsyp8
kmyi/WBs/DFFJWKRKwWSSt9yG8QTyfhCEdeTNQIDAQABAoIBABnwvGz0znGvBptu
ZmRBoKvlyy+demGh8Da5QduXVDRp8n2glRhpRDO3gyZq5EQjRYjWAJEq++pXQuZR
uyq8LS3DHGE0710rBBYMANv1Fn6c/ZxQpTgFOhvTpXPSYmMTlk7/CkEpF1vRX6Wn
UuqxkGiTuDVDQDoVa1lUwo3GFmLxaqOEbGYYkHhV66/qD8WPhPCyn2uXeT5kIyl8
FsfIrR0I5VQXbqqkL/TBshhqyGWJGPthLTcP/pvGfzDSBe41z+UZp6UoY1nlAxbw
k2v3wPZ9l9f6yeRC1GNrOYzYKb6WOUMoZwz+JPW0xqWBWcjoYAwOAxCMrnB61QTA
5sMxJFkCgYEA8dk6XBTo0ZF7IjcM+rV42QY2k2gWUFM9VwpxE9ltiwRVbleMUJN7
L19zFqCHAJV31P1DdlVyIbERtlriO0qe8L19qwb4qWQ/0ism7bf9spAJ3WwQVF/0
DAbCOISR9sSv6uYnY3iUubI4MpuhISQWFtgVrSkOlTeezxFTQ2da6lsCgYEAy7SB
T1inCG5KuM9lD0amM5iiiHteLuPczKLMiHU3Mj5hYo3ENykOQseRTcOKIdqGj2Iv
PWQgzMdpBj7CsRRk2ubjQ5z4+brP8W1pDF44DdkbAxiTHZJabxYrB51aFxah8Por
x0gs0iw3HO0rQawJvZnCih83EmkfQV8o68TcTa8CgYB/MTKrKOgFB5ENvowZ8oTb
BpR/U9egaRayhzBPMyOUYDQZ8vs9iULY+EcL2GMH4JQENSpcurVqmLhrAkNG0Yjj
rZTA9MqkM7AI9V7k2MYZOf2mMOYpqcks5gUROk+Vy32FeYOvocP+IYfCveyxBEyF
uSE1T4l22qiv2DnFEj9TTwKBgA9lJ/SwNYd8lmcbPX8HDt6NZZM9B6Qxkmlg0GZr
vW0tq7yADFlC4BIJ9SBUa+cdFdhWSk2weI4hb/2J1rr9WJX2pyxf+60cAkUzyKGn
qULaqqD0RYIRooYMvdnIeZuPGVQWBCL+gGyt7Mhh4EgJUX8j1MENlOLuUO9m2rfe
2+t/AoGBAIyIXhSxZ47gWmO++XUnAGdAPDjYLVGQ8d4iVT//eRTiUuIJ2ZfqAhMQ
4hdf8cEk9bheZpEjGfB0zMStw9/MMPNsvcYluCYh8XGgTnD8fJc2Sk+j1OjPN5DM
ky5an/xhdxNwz2XjDsVASaCskWl3nlmJYQV1TVGNO7v4AnA1KW8s
-----END RSA PRIVATE KEY-----
)";
constexpr std::string_view sec1_ec_key = R"(
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIJuCIrcWxpN0jFXmtavDBiohE0EDDsuESA9Nu9zJ7Z5JoAoGCCqGSM49
AwEHoUQDQgAEgggTq7f5/pT5kxdjy5IH3f5Dc+Kks5Oebv+zkfYiAdp8RUyaNeL1
kvYqiv+aOVFdCg7RS4fb4JL4Sk0pE9kowQ==
-----END EC PRIVATE KEY-----
)";
constexpr std::string_view openssl_ca = R"(
-----BEGIN CERTIFICATE-----
MIIDCzCCAfOgAwIBAgIUFUB/yZ0zc4txYmpa/2IVmwwt/awwDQYJKoZIhvcNAQEL
BQAwFTETMBEGA1UEAwwKa3ViZXJuZXRlczAeFw0yNjExMjAyMDQ0MjJaFw0zNjEx
MTcyMDQ0MjJaMBUxEzARBgNVBAMMCmt1YmVybmV0ZXMwggEiMA0GCSqGSIb3DQEB
AQUAA4IBDwAwggEKAoIBAQDAccgteYUzkTFks7jnmaxaXq04EISU9gbbs/nhjG0R
vVESHSx7hMyerjBG4jq9vaDzwejooUUuodq4jmM8x19lm8t/1dK85VFYgRk15jjK
QhQXXUx3O3fyBmmVd/qYI4Kna+VYXeglz0zEGYSbsFb/tsOUERUxfFx27sh95zLb
5LEA+/FIQ9PEB5SZ/7yod65x+dvLFKimtgh7x+fhb2LWgcuIxyJP8tSmdNrrBLJ4
2LwE3U3IrZUmnfH1qJivzPhpevoU56AOyTMp2mfCQ1c5ZyHwsLa3CVsgn/Z4VDi1
lpezKnySbKL9YGz8MUUlYpErBZJK33IbxBPJ+EIR15M1AgMBAAGjUzBRMB0GA1Ud
DgQWBBQ/yHa9zZOhU9FX/KhNvQ2JifbWuzAfBgNVHSMEGDAWgBQ/yHa9zZOhU9FX
/KhNvQ2JifbWuzAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4IBAQAm
7dzWGNzawOCxUQKVNNQc9YqVRA7+fzqONtToAMAzUuMzhdeHi9XrlONyNzmV8M3k
Z/1OHLQCdO9+I9qNzSx9pdRUC3lViUNtPADA9TwNXqabeO/qDhI2LmTLzXeFvYQc
IrjC8YZoxffh8/twYCCVA4f1NwgwRnBCicRQgcExErNOMyT92NKmlbUPe4D9c7a7
P/gDQPZiUbv3DY1qbBMKqibcIPZtkeskrYCAVqbDKKe3EiQNPF4PJC/A1xAkIW/E
cIwGLL0e/GnFqgZ1ER24PLcEazjfej+gRqRGLy1NG3qIJ+3BGz7CMW3xx5MQtgcc
NzO1cAvQ/wF2TLouJnht
-----END CERTIFICATE-----
)";
// openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | sha256sum
constexpr std::string_view openssl_ca_hash = "sha256:1d76b1aa5042329368647d821f9e032e8b911d02fac5c83b9343c61966c20784";

base::Time at(std::string_view text) { return base::parse_rfc3339(text).value(); }

struct Authority {
  std::string key = generate_rsa_2048_pem();
  std::string certificate;
  explicit Authority(std::string name = "kubernetes") {
    CertificateRequest request;
    request.common_name = std::move(name);
    request.is_ca = true;
    request.not_before = at("2026-01-01T00:00:00Z");
    request.not_after = at("2036-01-01T00:00:00Z");
    request.serial_hex = "00aa0102030405060708090a0b0c0d0e";
    certificate = issue_certificate(request, key, "", key).value();
  }
};

CertificateRequest client_request() {
  CertificateRequest request;
  request.common_name = "kubernetes-admin";
  request.organizations = {"system:masters"};
  request.client_auth = true;
  request.not_before = at("2026-01-01T00:00:00Z");
  request.not_after = at("2027-01-01T00:00:00Z");
  request.serial_hex = "02";
  return request;
}

CertificateRequest server_request() {
  CertificateRequest request;
  request.common_name = "kube-apiserver";
  request.dns_names = {"kubernetes.default.svc", "*.racks.example.com"};
  request.ip_addresses = {"192.168.10.5", "10.96.0.1", "fd00::1"};
  request.server_auth = true;
  request.not_before = at("2026-01-01T00:00:00Z");
  request.not_after = at("2027-01-01T00:00:00Z");
  return request;
}

TEST_CASE("a cluster CA issues an administrator's certificate as kubeadm does") {
  Authority ca;
  std::string key = generate_rsa_2048_pem();
  CHECK(key.starts_with("-----BEGIN PRIVATE KEY-----"));
  std::string certificate = issue_certificate(client_request(), key, ca.certificate, ca.key).value();
  auto info = inspect_certificate(certificate).value();
  CHECK(info.common_name == "kubernetes-admin");
  CHECK(info.organizations == std::vector<std::string>{"system:masters"});
  CHECK(info.issuer_common_name == "kubernetes");
  CHECK_FALSE(info.is_ca);
  CHECK(info.serial_hex == "02");
  CHECK(base::rfc3339(info.not_after) == "2027-01-01T00:00:00Z");
  CHECK(key_matches(certificate, key));
  CHECK_FALSE(key_matches(certificate, ca.key));
  CHECK_FALSE(key_matches("no certificate", "no key"));
  CHECK(verify_certificate(certificate, ca.certificate, "", at("2026-06-01T00:00:00Z")));

  auto ca_info = inspect_certificate(ca.certificate).value();
  CHECK(ca_info.is_ca);
  CHECK(ca_info.serial_hex == "aa0102030405060708090a0b0c0d0e");
}

TEST_CASE("subject names are told apart: literals are addresses, and a name of hexadecimal letters is a name") {
  crypto::CertificateRequest request;
  for (const char* name : {"cafe.de", "10.0.0.1", "fd00::1", "10.0.0", "localhost", "1.2.3.4.example"}) {
    crypto::add_subject_name(request, name);
  }
  CHECK(request.ip_addresses == std::vector<std::string>{"10.0.0.1", "fd00::1"});
  CHECK(request.dns_names == std::vector<std::string>{"cafe.de", "10.0.0", "localhost", "1.2.3.4.example"});
}

TEST_CASE("a CA says so in DER, which stricter readers than OpenSSL insist on") {
  const std::string pem = Authority().certificate;
  const size_t begin = pem.find('\n') + 1;
  const auto der = base::unbase64(base::replace_all(pem.substr(begin, pem.find("-----END") - begin), "\n", ""));
  REQUIRE(der);
  CHECK(base::hex(*der).find("30030101ff") != std::string::npos);  // BasicConstraints {cA TRUE}
}

TEST_CASE("certificates are refused with the reason") {
  Authority ca;
  Authority other("other");
  std::string certificate = issue_certificate(client_request(), ca.key, ca.certificate, ca.key).value();
  auto reason = [&](std::string_view roots, std::string_view when) {
    auto verified = verify_certificate(certificate, roots, "", at(when));
    REQUIRE_FALSE(verified);
    CHECK(verified.error().code == base::Code::unauthenticated);
    return verified.error().message;
  };
  CHECK(reason(ca.certificate, "2027-02-01T00:00:00Z") ==
        "certificate of \"kubernetes-admin\" has expired: it was valid until 2027-01-01T00:00:00Z and it is "
        "2027-02-01T00:00:00Z");
  CHECK(reason(ca.certificate, "2025-12-31T00:00:00Z").find("is not valid yet") != std::string::npos);
  CHECK(reason(other.certificate, "2026-06-01T00:00:00Z") ==
        "certificate of \"kubernetes-admin\" is signed by an unknown authority \"kubernetes\"");
  CHECK(reason("rubbish", "2026-06-01T00:00:00Z").find("trust roots") != std::string::npos);
  // A CA of the same name with another key must not do.
  Authority impostor;
  CHECK(verify_certificate(certificate, impostor.certificate, "", at("2026-06-01T00:00:00Z")).error().code ==
        base::Code::unauthenticated);
  // Trust is found among several roots.
  CHECK(verify_certificate(certificate, other.certificate + ca.certificate, "", at("2026-06-01T00:00:00Z")));
}

TEST_CASE("names and addresses of a server certificate") {
  Authority ca;
  std::string key = generate_ec_p256_pem();
  std::string certificate = issue_certificate(server_request(), key, ca.certificate, ca.key).value();
  base::Time now = at("2026-06-01T00:00:00Z");
  for (std::string_view good : {"kubernetes.default.svc", "KUBERNETES.default.svc", "a.racks.example.com",
                                "192.168.10.5", "10.96.0.1", "fd00::1", "FD00:0:0::1"})
    CHECK_MESSAGE(verify_certificate(certificate, ca.certificate, good, now), std::string(good));
  for (std::string_view bad : {"kube-apiserver", "kubernetes.default", "a.b.racks.example.com", "racks.example.com",
                               "192.168.10.6", "fd00::2"})
    CHECK_MESSAGE(!verify_certificate(certificate, ca.certificate, bad, now), std::string(bad));
  CHECK(verify_certificate(certificate, ca.certificate, "192.168.10.6", now).error().message ==
        "certificate of \"kube-apiserver\" is for kubernetes.default.svc, *.racks.example.com, 192.168.10.5, "
        "10.96.0.1, fd00::1, not for 192.168.10.6");
  CHECK(inspect_certificate(certificate).value().ip_addresses ==
        std::vector<std::string>{"192.168.10.5", "10.96.0.1", "fd00::1"});
}

TEST_CASE("a chain with an intermediate, and a pinned server certificate") {
  Authority root("root");
  CertificateRequest request;
  request.common_name = "intermediate";
  request.is_ca = true;
  request.not_before = at("2026-01-01T00:00:00Z");
  request.not_after = at("2030-01-01T00:00:00Z");
  std::string middle_key = generate_ec_p256_pem();
  std::string middle = issue_certificate(request, middle_key, root.certificate, root.key).value();
  std::string key = generate_ec_p256_pem();
  std::string leaf = issue_certificate(server_request(), key, middle, middle_key).value();
  base::Time now = at("2026-06-01T00:00:00Z");
  CHECK(verify_certificate(leaf + middle, root.certificate, "", now));
  CHECK_FALSE(verify_certificate(leaf, root.certificate, "", now));
  CHECK(verify_certificate(leaf, middle, "", now));
  // A leaf cannot act as an authority.
  std::string forged = issue_certificate(client_request(), key, leaf, key).value();
  CHECK_FALSE(verify_certificate(forged + leaf + middle, root.certificate, "", now));
  std::string own = issue_certificate(server_request(), key, "", key).value();
  CHECK(verify_certificate(own, own, "10.96.0.1", now));
  CHECK_FALSE(verify_certificate(own, root.certificate, "10.96.0.1", now));
}

TEST_CASE("requests that cannot become a certificate") {
  Authority ca;
  auto refused = [&](const CertificateRequest& request) {
    auto made = issue_certificate(request, ca.key, ca.certificate, ca.key);
    return !made && made.error().code == base::Code::invalid;
  };
  CertificateRequest request = server_request();
  request.ip_addresses = {"192.168.10.500"};
  CHECK(refused(request));
  request = server_request();
  request.serial_hex = "xyz";
  CHECK(refused(request));
  request = server_request();
  request.not_after = request.not_before;
  CHECK(refused(request));
  CHECK_FALSE(issue_certificate(server_request(), ca.key, ca.certificate, generate_ec_p256_pem()));
  CHECK_FALSE(issue_certificate(server_request(), "no key", ca.certificate, ca.key));
}

TEST_CASE("the discovery hash is the one that openssl computes") {
  CHECK(ca_cert_hash(openssl_ca).value() == openssl_ca_hash);
  CHECK(key_matches(openssl_ca, pkcs1_rsa_key));
  CHECK(inspect_certificate(openssl_ca).value().serial_hex == "15407fc99d33738b71626a5aff62159b0c2dfdac");
  CHECK_FALSE(ca_cert_hash("no certificate"));
  std::string damaged(openssl_ca);
  damaged[200] = damaged[200] == 'A' ? 'B' : 'A';
  damaged.insert(100, "!!");
  CHECK_FALSE(ca_cert_hash(damaged));
}

TEST_CASE("keys in the older PEM forms are read") {
  CHECK(public_key_pem(pkcs1_rsa_key).value().starts_with("-----BEGIN PUBLIC KEY-----"));
  CHECK(public_key_pem(sec1_ec_key).value().starts_with("-----BEGIN PUBLIC KEY-----"));
  std::string certificate = issue_certificate(client_request(), sec1_ec_key, openssl_ca, pkcs1_rsa_key).value();
  CHECK(key_matches(certificate, sec1_ec_key));
  CHECK(verify_certificate(certificate, openssl_ca, "", at("2026-12-01T00:00:00Z")));
}

TEST_CASE("web tokens") {
  for (const std::string& key : {std::string(pkcs1_rsa_key), std::string(sec1_ec_key), generate_ec_p256_pem()}) {
    std::string public_key = public_key_pem(key).value();
    std::string token = sign_jwt(R"({"sub":"system:serviceaccount:kube-system:x"})", key, "k1").value();
    CHECK(verify_jwt(token, public_key).value() == R"({"sub":"system:serviceaccount:kube-system:x"})");
    CHECK(verify_jwt(token, public_key_pem(generate_ec_p256_pem()).value()).error().code ==
          base::Code::unauthenticated);
    for (size_t at_byte : {size_t{3}, token.find('.') + 5, token.size() - 10}) {
      std::string changed = token;
      changed[at_byte] = changed[at_byte] == 'A' ? 'B' : 'A';
      CHECK(verify_jwt(changed, public_key).error().code == base::Code::unauthenticated);
    }
    std::string body = token.substr(token.find('.'), token.rfind('.') - token.find('.'));
    CHECK_FALSE(verify_jwt(base::base64_url(R"({"alg":"none"})") + body + ".", public_key));
    CHECK_FALSE(verify_jwt("a.b", public_key));
    CHECK_FALSE(verify_jwt("", public_key));
  }
  // The signature of RFC 7515's RS256 is deterministic, so tokens replay in simulation.
  CHECK(sign_jwt("{}", pkcs1_rsa_key, "").value() == sign_jwt("{}", pkcs1_rsa_key, "").value());
}

}  // namespace
}  // namespace crypto
