// oneDNN as one of the engines that bench/compare measures: convolutions and dense layers with their relu as a
// post-operation, weights in whatever layout the library likes best, reordered once.
//
// The model is a file that layers.py writes: lines of text, one a layer, then `data`, then the floats.
#include "engine_protocol.h"

#include <dnnl.hpp>

#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

using dnnl::memory;
using format = dnnl::memory::format_tag;

struct layer {
    std::string kind; // conv, dense, pool, softmax
    memory::dims kernel, stride, before, after; // of windows: height, width; padding before and behind
    memory::dim in = 0, out = 0;
    bool relu = false;
    std::vector<float> weight, bias;
};

struct network {
    memory::dims input;
    std::vector<layer> layers;
};

// A network for one size of batch: primitives, and what each of them reads and writes.
struct plan {
    std::vector<dnnl::primitive> primitives;
    std::vector<std::unordered_map<int, memory>> arguments;
    memory input, output;
};

std::vector<float> pictures;
size_t picture;
network net;
std::map<size_t, plan> plans; // by batch
plan *current;
std::string message;
size_t classes;

dnnl::engine &processor()
{
    static dnnl::engine one(dnnl::engine::kind::cpu, 0);
    return one;
}

dnnl::stream &stream()
{
    static dnnl::stream one(processor());
    return one;
}

memory::desc describe(const memory::dims &dims, format tag)
{
    return memory::desc(dims, memory::data_type::f32, tag);
}

// Runs `work`; what it throws becomes an engine's error.
template <typename Work> const char *guarded(Work work)
{
    try {
        work();
        return nullptr;
    } catch (const std::exception &error) {
        message = error.what();
        return message.c_str();
    }
}

// ---- reading ----

void read_network(const char *path)
{
    std::ifstream file(path, std::ios::binary);
    std::string line, word;
    while (std::getline(file, line) && line != "data") {
        std::istringstream words(line);
        words >> word;
        if (word == "input") {
            net.input.assign(4, 1);
            words >> net.input[1] >> net.input[2] >> net.input[3];
            continue;
        }
        layer one;
        one.kind = word;
        one.kernel = one.stride = one.before = one.after = memory::dims(2);
        if (word == "conv" || word == "dense")
            words >> one.out >> one.in;
        if (word == "conv" || word == "pool")
            words >> one.kernel[0] >> one.kernel[1] >> one.stride[0] >> one.stride[1] >> one.before[0] >>
                one.before[1] >> one.after[0] >> one.after[1];
        if (word == "conv" || word == "dense")
            words >> one.relu;
        if (!words)
            throw std::runtime_error("a line of the model's file: " + line);
        net.layers.push_back(one);
    }
    for (layer &one : net.layers) {
        if (!one.out)
            continue;
        memory::dim window = one.kind == "conv" ? one.kernel[0] * one.kernel[1] : 1;
        one.weight.resize(static_cast<size_t>(one.out * one.in * window));
        one.bias.resize(static_cast<size_t>(one.out));
        file.read(reinterpret_cast<char *>(one.weight.data()), static_cast<std::streamsize>(one.weight.size() * 4));
        file.read(reinterpret_cast<char *>(one.bias.data()), static_cast<std::streamsize>(one.bias.size() * 4));
    }
    if (!file || net.layers.empty())
        throw std::runtime_error("the model's file ends too early");
}

// ---- making a plan ----

// The bytes of `data` in the layout `wanted`, which lives as long as what is returned.
memory reordered(std::vector<float> &data, const memory::desc &plain, const memory::desc &wanted)
{
    memory from(plain, processor(), data.data()), to(wanted, processor());
    dnnl::reorder(from, to).execute(stream(), from, to);
    stream().wait();
    return to;
}

void add(plan &made, const dnnl::primitive &primitive, const std::unordered_map<int, memory> &arguments)
{
    made.primitives.push_back(primitive);
    made.arguments.push_back(arguments);
}

dnnl::primitive_attr attributes(const layer &one)
{
    dnnl::primitive_attr attr;
    dnnl::post_ops after;
#if DNNL_VERSION_MAJOR >= 3
    if (one.relu)
        after.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
#else
    if (one.relu)
        after.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
#endif
    attr.set_post_ops(after);
    return attr;
}

memory::dims windows(const layer &one, const memory::dims &in, memory::dim channels)
{
    memory::dims out = { in[0], channels, 0, 0 };
    for (size_t axis = 0; axis < 2; axis++)
        out[2 + axis] = (in[2 + axis] + one.before[axis] + one.after[axis] - one.kernel[axis]) / one.stride[axis] + 1;
    return out;
}

const auto inference = dnnl::prop_kind::forward_inference;
const auto best_convolution = dnnl::algorithm::convolution_auto;

// A convolution or dense layer, once its descriptor has chosen the layouts.
template <typename Primitive, typename Desc>
memory add_weighted(plan &made, layer &one, memory in, const Desc &desc, const memory::dims &shape, format plain)
{
    if (desc.src_desc() != in.get_desc()) {
        memory other(desc.src_desc(), processor());
        add(made, dnnl::reorder(in, other), { { DNNL_ARG_FROM, in }, { DNNL_ARG_TO, other } });
        in = other;
    }
    memory out(desc.dst_desc(), processor());
    memory bias(describe({ one.out }, format::a), processor(), one.bias.data());
    memory weight = reordered(one.weight, describe(shape, plain), desc.weights_desc());
    add(made, Primitive(desc),
        { { DNNL_ARG_SRC, in }, { DNNL_ARG_WEIGHTS, weight }, { DNNL_ARG_BIAS, bias }, { DNNL_ARG_DST, out } });
    return out;
}

memory add_conv(plan &made, layer &one, const memory &in, memory::dims &dims)
{
    memory::dims shape = { one.out, one.in, one.kernel[0], one.kernel[1] }, to = windows(one, dims, one.out);
    auto src = describe(dims, format::any), weight = describe(shape, format::any), dst = describe(to, format::any);
    auto bias = describe({ one.out }, format::a);
#if DNNL_VERSION_MAJOR >= 3
    dnnl::convolution_forward::primitive_desc desc(processor(), inference, best_convolution, src, weight, bias, dst,
                                                   one.stride, one.before, one.after, attributes(one));
#else
    dnnl::convolution_forward::desc wanted(inference, best_convolution, src, weight, bias, dst, one.stride, one.before,
                                           one.after);
    dnnl::convolution_forward::primitive_desc desc(wanted, attributes(one), processor());
#endif
    dims = to;
    return add_weighted<dnnl::convolution_forward>(made, one, in, desc, shape, format::oihw);
}

memory add_dense(plan &made, layer &one, const memory &in, memory::dims &dims)
{
    memory::dims shape = dims, to = { dims[0], one.out };
    shape[0] = one.out;
    bool flat = dims.size() == 2;
    auto src = describe(dims, format::any), weight = describe(shape, format::any), dst = describe(to, format::any);
    auto bias = describe({ one.out }, format::a);
#if DNNL_VERSION_MAJOR >= 3
    dnnl::inner_product_forward::primitive_desc desc(processor(), inference, src, weight, bias, dst, attributes(one));
#else
    dnnl::inner_product_forward::desc wanted(inference, src, weight, bias, dst);
    dnnl::inner_product_forward::primitive_desc desc(wanted, attributes(one), processor());
#endif
    dims = to;
    return add_weighted<dnnl::inner_product_forward>(made, one, in, desc, shape, flat ? format::oi : format::oihw);
}

memory add_pool(plan &made, const layer &one, const memory &in, memory::dims &dims)
{
    memory::dims to = windows(one, dims, dims[1]);
    auto dst = describe(to, format::any);
#if DNNL_VERSION_MAJOR >= 3
    dnnl::pooling_forward::primitive_desc desc(processor(), inference, dnnl::algorithm::pooling_max, in.get_desc(), dst,
                                               one.stride, one.kernel, { 0, 0 }, one.before, one.after);
#else
    dnnl::pooling_forward::desc wanted(inference, dnnl::algorithm::pooling_max, in.get_desc(), dst, one.stride,
                                       one.kernel, one.before, one.after);
    dnnl::pooling_forward::primitive_desc desc(wanted, processor());
#endif
    memory out(desc.dst_desc(), processor());
    add(made, dnnl::pooling_forward(desc), { { DNNL_ARG_SRC, in }, { DNNL_ARG_DST, out } });
    dims = to;
    return out;
}

memory add_softmax(plan &made, const memory &in, const memory::dims &dims)
{
    auto plain = describe(dims, format::nc);
    memory out(plain, processor());
#if DNNL_VERSION_MAJOR >= 3
    dnnl::softmax_forward::primitive_desc desc(processor(), inference, dnnl::algorithm::softmax_accurate, in.get_desc(),
                                               plain, 1);
#else
    dnnl::softmax_forward::desc wanted(inference, in.get_desc(), 1);
    dnnl::softmax_forward::primitive_desc desc(wanted, processor());
    out = memory(desc.dst_desc(), processor());
#endif
    add(made, dnnl::softmax_forward(desc), { { DNNL_ARG_SRC, in }, { DNNL_ARG_DST, out } });
    return out;
}

void make_plan(plan &made, size_t batch)
{
    memory::dims dims = net.input;
    dims[0] = static_cast<memory::dim>(batch);
    made.input = memory(describe(dims, format::nchw), processor(), pictures.data());
    memory value = made.input;
    for (layer &one : net.layers) {
        if (one.kind == "conv")
            value = add_conv(made, one, value, dims);
        else if (one.kind == "pool")
            value = add_pool(made, one, value, dims);
        else if (one.kind == "dense")
            value = add_dense(made, one, value, dims);
        else
            value = add_softmax(made, value, dims);
    }
    classes = static_cast<size_t>(dims[1]);
    made.output = memory(describe(dims, format::nc), processor());
    if (value.get_desc() == made.output.get_desc())
        made.output = value;
    else
        add(made, dnnl::reorder(value, made.output), { { DNNL_ARG_FROM, value }, { DNNL_ARG_TO, made.output } });
}

// ---- the engine ----

const char *take_pictures(const engine_setup *setup)
{
    picture = setup->picture;
    pictures.resize(setup->count * picture);
    for (size_t i = 0; i < pictures.size(); i++)
        pictures[i] = static_cast<float>(setup->pixels[i]) * setup->scale + setup->offset;
    return nullptr;
}

const char *prepare(const char *, size_t batch)
{
    return guarded([&] {
        auto found = plans.find(batch);
        if (found == plans.end()) {
            plan made;
            make_plan(made, batch);
            found = plans.emplace(batch, made).first;
        }
        current = &found->second;
    });
}

const char *open_model(const engine_setup *setup, size_t *count)
{
    const char *error = guarded([&] { read_network(setup->model); });
    if (!error)
        error = prepare("", 1);
    *count = classes;
    return error;
}

const char *call(size_t first, size_t batch, float *answers)
{
    return guarded([&] {
        current->input.set_data_handle(pictures.data() + first * picture);
        for (size_t i = 0; i < current->primitives.size(); i++)
            current->primitives[i].execute(stream(), current->arguments[i]);
        stream().wait();
        const float *out = static_cast<const float *>(current->output.get_data_handle());
        std::copy(out, out + batch * classes, answers);
    });
}

const char *version()
{
    static std::string text;
    const dnnl_version_t *found = dnnl_version();
    text = std::to_string(found->major) + "." + std::to_string(found->minor) + "." + std::to_string(found->patch);
    return text.c_str();
}

} // namespace

int main(int argc, char **argv)
{
    static const char *const variants[] = { "f32", nullptr };
    static const size_t pieces[] = { 1, 8, 50, 0 };
    static const engine with = { variants, pieces, take_pictures, open_model, prepare, call, version };
    return engine_main(argc, argv, &with);
}
