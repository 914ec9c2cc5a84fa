// libgrpc++ at the other end: what weft's gRPC is compared with, and must get along with.
//
//   grpc_peer serve                 prints "127.0.0.1:PORT", serves until it is killed
//   grpc_peer call ADDRESS          calls a server as src/net/grpc_peer_test.cpp has it; prints what is wrong
//
// Messages are bytes, so that no code is generated and no time goes into messages: one thread, one completion queue,
// which is the fastest way of libgrpc++ to serve.

#include <grpcpp/alarm.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::system_clock;
constexpr std::chrono::seconds patience(20);
const std::string refusal = "nonce zu niedrig: 5 < 7 % \xc3\xa4\n";
constexpr int message_bytes_max = 64 * 1024 * 1024;

std::string text_of(const grpc::ByteBuffer& buffer) {
    std::vector<grpc::Slice> slices;
    std::string out;
    if (!buffer.Dump(&slices).ok()) return out;
    for (const auto& slice : slices) out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    return out;
}

grpc::ByteBuffer buffer_of(const std::string& text) {
    const grpc::Slice slice(text);
    return {&slice, 1};
}

/// One call of the server; frees itself.
class Call {
  public:
    Call(grpc::AsyncGenericService& service, grpc::ServerCompletionQueue& queue)
        : service_(service), queue_(queue), stream_(&context_) {
        service_.RequestCall(&context_, &stream_, &queue_, &queue_, this);
    }

    void go_on(bool fine) {
        switch (state_) {
            case State::waiting:
                if (!fine) break;
                new Call(service_, queue_);
                state_ = State::reading;
                return stream_.Read(&message_, this);
            case State::reading:
                if (!fine) break;
                if (context_.method() == "/test.Echo/Slow") {
                    state_ = State::sleeping;
                    return alarm_.Set(&queue_, Clock::now() + std::chrono::milliseconds(300), this);
                }
                return answer();
            case State::sleeping: return answer();
            case State::answering:
                // What can't be sent any more is so because the client has left.
                if (context_.method() == "/test.Echo/Slow") std::cout << (fine ? "answered" : "cancelled") << std::endl;
                break;
        }
        delete this;
    }

  private:
    enum class State { waiting, reading, sleeping, answering };

    void answer() {
        state_ = State::answering;
        if (context_.method() == "/test.Echo/Refuse") {
            return stream_.Finish({grpc::StatusCode::FAILED_PRECONDITION, refusal}, this);
        }
        if (context_.method() == "/test.Echo/Echo" || context_.method() == "/test.Echo/Slow") {
            return stream_.WriteAndFinish(message_, {}, grpc::Status::OK, this);
        }
        stream_.Finish({grpc::StatusCode::UNIMPLEMENTED, "no such method"}, this);
    }

    grpc::AsyncGenericService& service_;
    grpc::ServerCompletionQueue& queue_;
    grpc::GenericServerContext context_;
    grpc::GenericServerAsyncReaderWriter stream_;
    grpc::ByteBuffer message_;
    grpc::Alarm alarm_;
    State state_ = State::waiting;
};

int serve() {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    grpc::ServerBuilder builder;
    grpc::AsyncGenericService service;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterAsyncGenericService(&service);
    builder.SetMaxReceiveMessageSize(message_bytes_max);
    const auto queue = builder.AddCompletionQueue();
    const auto server = builder.BuildAndStart();
    if (!server) return 1;
    std::cout << "127.0.0.1:" << port << std::endl;
    constexpr int calls_at_once = 256;
    for (int i = 0; i < calls_at_once; ++i) new Call(service, *queue);
    void* tag = nullptr;
    bool fine = false;
    while (queue->Next(&tag, &fine)) static_cast<Call*>(tag)->go_on(fine);
    return 0;
}

/// What the other server must do.
class Client {
  public:
    explicit Client(const std::string& address) {
        grpc::ChannelArguments arguments;
        arguments.SetMaxReceiveMessageSize(message_bytes_max);
        arguments.SetMaxSendMessageSize(message_bytes_max);
        stub_ = std::make_unique<grpc::GenericStub>(
            grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
    }

    int run() {
        for (const std::size_t size : {0UL, 1UL, 100'000UL, 4UL * 1024 * 1024}) {
            const std::string message(size, 'x');
            expect(call("/test.Echo/Echo", message), grpc::StatusCode::OK, "echo of " + std::to_string(size));
            if (reply_ != message) wrong("echo of " + std::to_string(size) + " came back otherwise");
        }
        const auto refused = call("/test.Echo/Refuse", "");
        expect(refused, grpc::StatusCode::FAILED_PRECONDITION, "refuse");
        if (refused.error_message() != refusal) wrong("message: " + refused.error_message());
        expect(call("/test.Echo/None", ""), grpc::StatusCode::UNIMPLEMENTED, "unknown method");
        expect(call("/test.Echo/Echo", "x", patience, "wrong"), grpc::StatusCode::UNAUTHENTICATED, "metadata");
        expect(call("/test.Echo/Slow", "", std::chrono::milliseconds(50)), grpc::StatusCode::DEADLINE_EXCEEDED,
               "deadline");
        stream();
        leave_stream();
        expect(call("/test.Echo/Echo", "after"), grpc::StatusCode::OK, "after all that");
        return failures_ == 0 ? 0 : 1;
    }

  private:
    grpc::Status call(const std::string& method, const std::string& message,
                      std::chrono::milliseconds timeout = patience, const std::string& key = "key") {
        grpc::ClientContext context;
        context.AddMetadata("x-key", key);
        context.set_deadline(Clock::now() + timeout);
        grpc::Status status;
        grpc::ByteBuffer reply;
        const auto calling = stub_->PrepareUnaryCall(&context, method, buffer_of(message), &queue_);
        calling->StartCall();
        calling->Finish(&reply, &status, this);
        wait();
        reply_ = text_of(reply);
        return status;
    }
    /// Waits for what was begun last; false if it failed.
    bool wait() {
        void* tag = nullptr;
        bool fine = false;
        queue_.Next(&tag, &fine);
        return fine;
    }
    /// Messages go back and forth while both sides may still say something.
    void stream() {
        grpc::ClientContext context;
        context.AddMetadata("x-key", "key");
        context.set_deadline(Clock::now() + patience);
        const auto calling = stub_->PrepareCall(&context, "/test.Echo/All", &queue_);
        calling->StartCall(this);
        if (!wait()) wrong("the stream does not begin");
        grpc::ByteBuffer reply;
        for (const std::size_t size : {3UL, 0UL, 100'000UL}) {
            calling->Write(buffer_of(std::string(size, 'y')), this);
            wait();  // that it was written is shown by what comes back
            calling->Read(&reply, this);
            if (!wait() || text_of(reply).size() != size) wrong("a stream's message came back otherwise");
        }
        calling->WritesDone(this);
        if (!wait()) wrong("the stream's end can't be said");
        calling->Read(&reply, this);
        if (wait()) wrong("the stream goes on");
        grpc::Status status;
        calling->Finish(&status, this);
        wait();
        expect(status, grpc::StatusCode::OK, "stream");
    }
    /// Once it is under way: of a call that is cancelled at once libgrpc++ 1.51 sends RST_STREAM without HEADERS before
    /// it, for which a server must end the connection (RFC 9113, 5.1).
    void leave_stream() {
        grpc::ClientContext context;
        context.AddMetadata("x-key", "key");
        context.set_deadline(Clock::now() + patience);
        const auto calling = stub_->PrepareCall(&context, "/test.Echo/Silent", &queue_);
        calling->StartCall(this);
        wait();
        grpc::ByteBuffer reply;
        calling->Read(&reply, this);
        if (!wait() || text_of(reply) != "first") wrong("the stream does not begin");
        context.TryCancel();
        grpc::Status status;
        calling->Finish(&status, this);
        wait();
        expect(status, grpc::StatusCode::CANCELLED, "a stream that is left");
    }
    void expect(const grpc::Status& status, grpc::StatusCode code, const std::string& what) {
        if (status.error_code() == code) return;
        wrong(what + ": status " + std::to_string(status.error_code()) + " " + status.error_message());
    }
    void wrong(const std::string& what) {
        ++failures_;
        std::cout << "WRONG " << what << std::endl;
    }

    std::unique_ptr<grpc::GenericStub> stub_;
    grpc::CompletionQueue queue_;
    std::string reply_;
    int failures_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
    const std::string command = count > 1 ? arguments[1] : "";
    if (command == "serve" && count == 2) return serve();
    if (command == "call" && count == 3) return Client(arguments[2]).run();
    std::cerr << "usage: grpc_peer serve | call ADDRESS\n";
    return 2;
}
