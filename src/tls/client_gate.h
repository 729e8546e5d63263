// The one place that asks whether a client may connect, and fails closed. OpenSSL verifies the certificate; here it is
// asked for, held against the port's allow list, and looked at again when a session is resumed.
#pragma once

#include <ctime>

#include "tls/client_judgement.h"
#include "tls/client_trust.h"
#include "tls/handles.h"

namespace sidelock {

// Makes connections of `context` able to ask clients for certificates. `trust` outlives the context. Throws
// Failure{kCredentialUnusable}.
void install_client_gate(SSL_CTX* context, const ClientTrust& trust);

// Has the handshake that is about to begin ask as the connection's policy says.
void ask_client(SSL* ssl);

// May the client of this finished handshake connect? A fresh one and a resumed one alike.
ClientJudgement judge_client(SSL* ssl);

// Sends the fatal alert for that verdict after the handshake (access_denied, certificate_expired), as TLS 1.3 wants it;
// under TLS 1.2, whose handshake fails before, this does nothing.
void deny_access(SSL* ssl, ClientVerdict verdict);

// When the session of this finished handshake ends: at the latest when a certificate of its client does. 0 for a client
// without certificate, whose session ends with its ticket.
std::time_t session_end(SSL* ssl);

// Gives the ticket that is about to be sent this end. False when the end has come, and no ticket shall be sent.
bool limit_session(SSL* ssl, std::time_t end);

}  // namespace sidelock
