// SPDX-License-Identifier: Apache-2.0
// Decodes clips one by one, and evicts each through the descriptor that it was read from.
//
//     decode CLIP...           the page cache holds one clip at a time
//     decode --keep CLIP...    without eviction: it holds them all in the end
//
// README.md, in this folder, says how to build it.

#include <accv_cache/accv_cache.hpp>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
}

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace {

class clip_file {
public:
    explicit clip_file(const std::string& path)
        : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
        if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), path);
    }
    clip_file(const clip_file&) = delete;
    clip_file& operator=(const clip_file&) = delete;
    ~clip_file() { ::close(descriptor_); }

    int descriptor() const noexcept { return descriptor_; }

private:
    int descriptor_;
};

void free_io(AVIOContext** io) {
    av_freep(&(*io)->buffer);  // another one than at the start, if libavformat needed a larger one
    avio_context_free(io);
}

template <auto release>
struct freed_by {
    template <class T>
    void operator()(T* object) const noexcept {
        release(&object);
    }
};
using io_context = std::unique_ptr<AVIOContext, freed_by<free_io>>;
using input_context = std::unique_ptr<AVFormatContext, freed_by<avformat_close_input>>;
using decoder_context = std::unique_ptr<AVCodecContext, freed_by<avcodec_free_context>>;
using packet_memory = std::unique_ptr<AVPacket, freed_by<av_packet_free>>;
using frame_memory = std::unique_ptr<AVFrame, freed_by<av_frame_free>>;

template <class T>
T* allocated(T* object) {
    if (object == nullptr) throw std::bad_alloc();
    return object;
}

int check(int result, const char* step) {
    if (result >= 0) return result;
    char cause[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(result, cause, sizeof cause);
    throw std::runtime_error(std::string(step) + ": " + cause);
}

int read_some(void* opaque, std::uint8_t* buffer, int size) {
    const int descriptor = static_cast<const clip_file*>(opaque)->descriptor();
    const ssize_t count = ::read(descriptor, buffer, static_cast<std::size_t>(size));
    if (count == 0) return AVERROR_EOF;
    return count < 0 ? AVERROR(errno) : static_cast<int>(count);
}

std::int64_t seek(void* opaque, std::int64_t offset, int whence) {
    const int descriptor = static_cast<const clip_file*>(opaque)->descriptor();
    if ((whence & AVSEEK_SIZE) != 0) {
        struct stat status{};
        return ::fstat(descriptor, &status) == 0 ? status.st_size : AVERROR(errno);
    }
    const off_t place = ::lseek(descriptor, offset, whence & ~AVSEEK_FORCE);
    return place < 0 ? AVERROR(errno) : place;
}

io_context read_from(clip_file& file) {
    constexpr int size = 64 * 1024;
    auto* const buffer = static_cast<unsigned char*>(allocated(av_malloc(size)));
    AVIOContext* const io = avio_alloc_context(buffer, size, 0, &file, read_some, nullptr, seek);
    if (io == nullptr) av_free(buffer);
    return io_context(allocated(io));
}

input_context open_input(AVIOContext& io) {
    AVFormatContext* input = allocated(avformat_alloc_context());
    input->pb = &io;
    // Frees the context if it fails, so nobody else may own it yet.
    check(avformat_open_input(&input, nullptr, nullptr, nullptr), "open");
    input_context opened(input);
    check(avformat_find_stream_info(input, nullptr), "find the streams");
    return opened;
}

int decode(clip_file& file) {
    const auto io = read_from(file);
    const auto input = open_input(*io);
    const AVCodec* codec = nullptr;
    const int video = check(av_find_best_stream(input.get(), AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0),
                            "find a video");
    const decoder_context decoder(allocated(avcodec_alloc_context3(codec)));
    check(avcodec_parameters_to_context(decoder.get(), input->streams[video]->codecpar), "set up");
    check(avcodec_open2(decoder.get(), codec, nullptr), "open the decoder");

    const packet_memory packet(allocated(av_packet_alloc()));
    const frame_memory frame(allocated(av_frame_alloc()));
    int frames = 0;
    const auto send = [&](const AVPacket* data) {
        check(avcodec_send_packet(decoder.get(), data), "decode");
        int result = 0;
        while ((result = avcodec_receive_frame(decoder.get(), frame.get())) == 0)
            ++frames;  // here a pipeline would hand the frame on
        if (result != AVERROR(EAGAIN) && result != AVERROR_EOF) check(result, "decode");
    };
    int result = 0;
    while ((result = av_read_frame(input.get(), packet.get())) == 0) {
        if (packet->stream_index == video) send(packet.get());
        av_packet_unref(packet.get());
    }
    if (result != AVERROR_EOF) check(result, "read");
    send(nullptr);  // returns the frames that the decoder still holds
    return frames;
}

double held_mib(const std::vector<std::string>& clips) {
    const auto sums = accv_cache::query(clips).totals();
    return static_cast<double>(sums.known_resident_bytes) / (1024 * 1024);
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> clips(argv + 1, argv + argc);
    const bool keep = !clips.empty() && clips.front() == "--keep";
    if (keep) clips.erase(clips.begin());
    if (clips.empty()) {
        std::fputs("usage: decode [--keep] CLIP...\n", stderr);
        return 2;
    }

    try {
        accv_cache::drop(clips);  // start cold: what is resident below was read by this program
        for (const std::string& clip : clips) {
            clip_file file(clip);
            const int frames = decode(file);
            std::printf("%s: %d frames; the clips hold %.1f MiB\n", clip.c_str(), frames,
                        held_mib(clips));
            if (!keep) accv_cache::drop(file.descriptor());
        }
        std::printf("in the end the clips hold %.1f MiB\n", held_mib(clips));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "decode: %s\n", error.what());
        return 1;
    }
    return 0;
}
