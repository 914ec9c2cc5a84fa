#pragma once
// An authority for tests, and what it signs, in a folder of its own.

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace weft::net {

class TestAuthority {
  public:
    explicit TestAuthority(std::string name)
        : name_(std::move(name)), key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")) {
        std::string pattern = testing::TempDir() + "weft_certificates_XXXXXX";
        EXPECT_NE(mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        certificate_ = make(name_, key_, nullptr, true, "", 0);
        write(file("ca"), nullptr, certificate_);
    }
    ~TestAuthority() {
        X509_free(certificate_);
        EVP_PKEY_free(key_);
        std::filesystem::remove_all(folder_);
    }
    TestAuthority(const TestAuthority&) = delete;
    TestAuthority& operator=(const TestAuthority&) = delete;

    /// Writes NAME.pem and NAME.key.
    /// @param names  as OpenSSL has them: "IP:127.0.0.1,DNS:localhost". @param days_from_now  until it ends.
    void sign(const std::string& as, const std::string& common_name, const std::string& names, int days_from_now = 1) {
        EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
        X509* certificate = make(common_name, key, certificate_, false, names, days_from_now);
        write(file(as), nullptr, certificate);
        write(folder_ + "/" + as + ".key", key, nullptr);
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
    [[nodiscard]] std::string file(const std::string& as) const { return folder_ + "/" + as + ".pem"; }
    [[nodiscard]] std::string key(const std::string& as) const { return folder_ + "/" + as + ".key"; }

  private:
    static void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
        X509V3_CTX context;
        X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
        ASSERT_NE(extension, nullptr) << value;
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }
    X509* make(const std::string& common_name, EVP_PKEY* key, X509* issuer, bool authority, const std::string& names,
               int days) {
        X509* out = X509_new();
        X509_set_version(out, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(out), ++serial_);
        X509_gmtime_adj(X509_getm_notBefore(out), -86'400L * 10);
        X509_gmtime_adj(X509_getm_notAfter(out), 86'400L * (authority ? 10 : days));
        X509_NAME* subject = X509_get_subject_name(out);
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
        X509_set_issuer_name(out, issuer == nullptr ? subject : X509_get_subject_name(issuer));
        X509_set_pubkey(out, key);
        extend(out, issuer == nullptr ? out : issuer, NID_basic_constraints,
               authority ? "critical,CA:TRUE" : "CA:FALSE");
        if (!names.empty()) extend(out, issuer, NID_subject_alt_name, names);
        EXPECT_GT(X509_sign(out, key_, EVP_sha256()), 0);
        return out;
    }
    static void write(const std::string& path, EVP_PKEY* key, X509* certificate) {
        std::FILE* out = std::fopen(path.c_str(), "w");
        ASSERT_NE(out, nullptr);
        if (certificate != nullptr) PEM_write_X509(out, certificate);
        if (key != nullptr) PEM_write_PKCS8PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(out);
        chmod(path.c_str(), 0600);
    }

    std::string name_;
    EVP_PKEY* key_;
    X509* certificate_ = nullptr;
    std::string folder_;
    long serial_ = 0;
};

}  // namespace weft::net
