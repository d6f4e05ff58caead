// SPDX-License-Identifier: Apache-2.0
// What the calls accept as files, and what must not compile.
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <forward_list>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "accv_cache/detail/file/descriptor.hpp"
#include "accv_cache/drop.hpp"
#include "accv_cache/drop_videos_cache.hpp"
#include "accv_cache/holders.hpp"
#include "accv_cache/prefetch.hpp"
#include "accv_cache/query.hpp"
#include "accv_cache/targets.hpp"
#include "support.hpp"

namespace {

using namespace accv_cache::test;
using accv_cache::targets;
using accv_cache::detail::descriptor;
using std::filesystem::path;

// ---- what compiles
// -------------------------------------------------------------------------------

/// The functions as objects, so that a test can ask what they accept.
#define CALL(name)                                                                                \
    struct name##_call {                                                                          \
        template <class... Files>                                                                 \
        auto operator()(Files&&... files) const                                                   \
            -> decltype(accv_cache::name(std::forward<Files>(files)...));                         \
        template <class File>                                                                     \
        auto braced(File&& file) const -> decltype(accv_cache::name({std::forward<File>(file)})); \
    }

CALL(drop);
CALL(drop_videos_cache);
CALL(holders);
CALL(prefetch);
CALL(query);

template <class File, class Call, class = void>
constexpr bool takes_braced = false;
template <class File, class Call>
constexpr bool
    takes_braced<File, Call, std::void_t<decltype(Call().braced(std::declval<File>()))>> = true;

/// Which calls accept something, alone and in braces.
template <class File, class... Calls>
struct accepting {
    static constexpr bool all = (std::is_invocable_v<Calls, File> && ...);
    static constexpr bool all_braced = (takes_braced<File, Calls> && ...);
    static constexpr bool any =
        ((std::is_invocable_v<Calls, File> || takes_braced<File, Calls>) || ...);
};
template <class File>
using accepted =
    accepting<File, drop_call, drop_videos_cache_call, holders_call, prefetch_call, query_call>;

/// Every call accepts it, as one file or as a list.
template <class Files>
constexpr bool is_list = accepted<Files>::all;
/// It is a file: alone, in braces, and in a range.
template <class File>
constexpr bool is_file =
    accepted<File>::all && accepted<File>::all_braced && is_list<std::vector<File>&>;
/// No call accepts it.
template <class Wrong>
constexpr bool is_refused = !accepted<Wrong>::any;

struct asset {
    operator std::string_view() const { return "asset.mp4"; }
};

static_assert(is_file<const char*>);
static_assert(is_file<char*>);
static_assert(is_file<std::string>);
static_assert(is_file<std::string_view>);
static_assert(is_file<path>);
static_assert(is_file<asset>);
static_assert(is_file<int>);
static_assert(accepted<const char (&)[6]>::all && accepted<const char (&)[6]>::all_braced);

static_assert(is_list<targets>);
static_assert(is_list<const std::vector<std::string>&>);
static_assert(is_list<std::set<path>>);
static_assert(is_list<const std::forward_list<std::string_view>&>);
static_assert(is_list<std::array<int, 2>>);
static_assert(is_list<const char* (&)[2]>);
static_assert(is_list<std::initializer_list<const char*>>);

static_assert(is_refused<bool>);
static_assert(is_refused<char>);
static_assert(is_refused<long>);
static_assert(is_refused<unsigned>);
static_assert(is_refused<double>);
static_assert(is_refused<std::nullptr_t>);
static_assert(is_refused<void*>);
static_assert(is_refused<std::FILE*>);
static_assert(is_refused<const wchar_t*>);
static_assert(is_refused<std::optional<std::string>>);
static_assert(is_refused<std::vector<bool>>);
static_assert(is_refused<std::vector<long>>);
static_assert(is_refused<std::vector<std::vector<std::string>>>);
static_assert(is_refused<std::vector<std::string>*>);

template <class Iterator>
constexpr bool takes_iterators = std::is_invocable_v<drop_videos_cache_call, Iterator, Iterator>;

static_assert(takes_iterators<std::set<path>::const_iterator>);
static_assert(takes_iterators<const std::string*>);
static_assert(!takes_iterators<const char*>);  // two paths need braces
static_assert(!takes_iterators<std::vector<bool>::iterator>);

// ---- what it means
// -------------------------------------------------------------------------------

std::vector<std::string> names(const targets& files) {
    std::vector<std::string> found;
    for (std::size_t i = 0; i != files.size(); ++i) found.emplace_back(files.paths().text(i));
    return found;
}

TEST_CASE("empty braces are no file, whatever descriptor 0 is") {
    CHECK(accv_cache::drop({}).empty());
    CHECK(accv_cache::prefetch({}).empty());
    CHECK(accv_cache::query({}).empty());
    CHECK(accv_cache::drop({}, {}).empty());
    CHECK(accv_cache::holders({}).holders.empty());
    CHECK(accv_cache::drop_videos_cache({}) == accv_cache::DropCacheStatus::SUCCESS);
}

TEST_CASE("paths of different types and descriptors keep their order") {
    const temporary_folder folder;
    const std::string clip = folder / "clip.mp4";
    write_warm(clip, page);
    const descriptor file = descriptor::open(clip.c_str());
    const targets files{"a.mp4", std::string("b.mp4"), path("c.mp4"), file.get(), asset()};
    CHECK(names(files) == std::vector<std::string>{"a.mp4", "b.mp4", "c.mp4", clip, "asset.mp4"});
    REQUIRE(files.descriptors().size() == 1);
    CHECK(files.descriptors()[0].position == 3);
    CHECK(files.descriptors()[0].number == file.get());
}

TEST_CASE("a range is a list, and a path is no range of its parts") {
    CHECK(names(path("/data/clips")) == std::vector<std::string>{"/data/clips"});
    CHECK(names(std::vector<path>{"a", "b"}) == std::vector<std::string>{"a", "b"});
    const char letters[] = "clip.mp4";
    CHECK(names(letters) == std::vector<std::string>{"clip.mp4"});
    const char* const pointers[] = {"a", "b"};
    CHECK(names(pointers) == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a null pointer is a file that fails, and the rest goes on") {
    const temporary_folder folder;
    const std::string clip = write_warm(folder / "clip.mp4", page);
    const char* const none = nullptr;
    const accv_cache::drop_report report = accv_cache::drop({none, clip.c_str()});
    CHECK(report[0].failed == accv_cache::failed_step::NAME);
    CHECK(report[1].after_bytes == 0);
}

TEST_CASE("drop_videos_cache evicts files that the caller holds open, among paths and many") {
    const temporary_folder folder;
    std::vector<descriptor> files;
    targets list;
    for (std::size_t i = 0; i != 300; ++i) {
        const std::string clip = write_warm(folder / std::to_string(i), page);
        files.push_back(descriptor::open(clip.c_str()));
        if (i % 2 == 0)
            list.append(files.back().get());
        else
            list.append(clip);
    }
    CHECK(accv_cache::drop_videos_cache(list) == accv_cache::DropCacheStatus::SUCCESS);
    for (std::size_t i = 0; i != files.size(); ++i)
        CHECK(resident_bytes(folder / std::to_string(i)) == 0);
    const int closed = files.front().get();
    files.front().reset();
    CHECK(accv_cache::drop_videos_cache(closed) == accv_cache::DropCacheStatus::FADVISE_FAILED);
}

}  // namespace
