# frozen_string_literal: true

require "io/wait"

require_relative "helper"

# Compares the declarations in native.rb with the header.
class NativeTest < OciregTest
  HEADER = File.read(File.expand_path("../../../include/ocireg.h", __dir__))
  TYPES = { "int32_t" => :int32, "ocireg_status" => :int32, "int64_t" => :int64, "uint32_t" => :uint32, "size_t" => :size_t,
            "bool" => :bool, "void" => :void, "double" => :double, "const char *" => :string }.freeze

  # {name => [[types], type]}, as in native.rb
  def prototypes
    code = HEADER.gsub(%r{//[^\n]*|/\*.*?\*/}m, " ")
    code.scan(/^((?:const )?\w+ \*?)(ocireg_\w+)\(([^;{]*?)\);/m).to_h do |result, name, parameters|
      [name.to_sym, [parameters.split(",").map { |parameter| type(parameter) }.compact, type("#{result}x")]]
    end
  end

  def type(declaration)
    text = declaration.strip.gsub(/\s+/, " ")
    return if text == "void"

    text = text.sub(/\w+\z/, "").strip
    TYPES.fetch(text) { text.include?("*") || text.end_with?("_fn") ? :pointer : raise("unknown type: #{declaration}") }
  end

  def test_every_function_of_the_header_is_declared_as_it_is_there
    assert_operator prototypes.size, :>, 100
    assert_empty prototypes.keys - Ocireg::Native::SIGNATURES.keys, "missing in native.rb"
    assert_empty Ocireg::Native::SIGNATURES.keys - prototypes.keys, "not in the header"
    prototypes.each { |name, signature| assert_equal signature, Ocireg::Native::SIGNATURES[name], name }
  end

  def with_json(text)
    FFI::MemoryPointer.new(:pointer) do |place|
      assert_equal 0, Ocireg::Native.ocireg_json_parse(text, place, nil)
      yield place.read_pointer
      Ocireg::Native.ocireg_json_free(place.read_pointer)
    end
  end

  def test_json_is_read_by_pointers
    native = Ocireg::Native
    with_json('{"a": [1.5, {"b": "text", "c": true}], "n": 7}') do |json|
      assert_equal ["text", 7, 1.5, true, 2, 6],
                   [native.ocireg_json_text(json, "/a/1/b"), native.ocireg_json_integer(json, "/n", -1),
                    native.ocireg_json_number(json, "/a/0", 0.0), native.ocireg_json_boolean(json, "/a/1/c", false),
                    native.ocireg_json_size(json, "/a"), native.ocireg_json_kind(json, "/a/1")]
      inside = native.ocireg_json_at(json, "/a/1")
      assert_equal %w[b c], [0, 1].map { |position| native.ocireg_json_key(inside, nil, position) }
      assert_equal "text", native.ocireg_json_string(native.ocireg_json_item(inside, nil, 0), nil, nil)
      assert_equal '{"b":"text","c":true}', dumped(json, "/a/1")
    end
  end

  def test_a_layer_is_found_by_its_media_type
    with_json('{"layers": [{"mediaType": "a/b"}, {"mediaType": "c/d", "size": 7}]}') do |json|
      layer = Ocireg::Native.ocireg_manifest_layer(json, "c/d", 0)
      assert_equal 7, Ocireg::Native.ocireg_json_integer(layer, "/size", -1)
      assert_predicate Ocireg::Native.ocireg_manifest_layer(json, nil, 2), :null?
    end
  end

  def dumped(json, pointer)
    FFI::MemoryPointer.new(:pointer) do |place|
      assert_equal 0, Ocireg::Native.ocireg_json_dump(json, pointer, place, nil)
      text = place.read_pointer
      return text.read_string.tap { Ocireg::Native.ocireg_string_free(text) }
    end
  end

  def test_json_of_a_size
    FFI::MemoryPointer.new(:pointer) do |place|
      assert_equal 0, Ocireg::Native.ocireg_json_parse_bytes(FFI::MemoryPointer.from_string("[1]]"), 3, place, nil)
      assert_equal 1, Ocireg::Native.ocireg_json_size(place.read_pointer, "")
      Ocireg::Native.ocireg_json_free(place.read_pointer)
    end
  end

  # What a function puts at its last place but the error.
  def given(name, *arguments, type: :pointer)
    FFI::MemoryPointer.new(type) do |place|
      assert_equal 0, Ocireg::Native.public_send(:"ocireg_#{name}", *arguments, place, nil), name
      return place.get(type, 0)
    end
  end

  def options(json)
    given(:options_new).tap { |made| assert_equal 0, Ocireg::Native.ocireg_options_parse(made, json, nil) }
  end

  # The next event, which must be this one of this job.
  def await(client, job, event)
    assert IO.for_fd(given(:client_fd, client, type: :int32), autoclose: false).wait_readable(20)
    FFI::MemoryPointer.new(:pointer) do |place|
      number = FFI::MemoryPointer.new(:int32)
      assert_equal 0, Ocireg::Native.ocireg_client_next_event(client, place, number, nil)
      assert_equal [job, event], [place.read_pointer, number.read_int32]
    end
  end

  # By name, but for the JSON reader and the jobs, and for what C needs and Ruby has in another form.
  def test_the_readme_says_what_is_not_here
    folder = File.expand_path("..", __dir__)
    text = File.read("#{folder}/README.md")
    source = Dir["#{folder}/lib/**/*.rb"].reject { |file| file.end_with?("/native.rb") }.map { |file| File.read(file) }.join
    absent = Ocireg::Native::SIGNATURES.keys.reject do |name|
      short = name.to_s.delete_prefix("ocireg_")
      made = short.sub(/\A(upload_session|context_set|options)_\w+\z/, "\\1_\#{") # these names are put together
      short.match?(/\A(json|job|error)_|\Aclient_(fd|next_event)\z/) || source.match?(/ocireg_(#{short}\b|#{Regexp.escape(made)})/)
    end
    assert_includes absent, :ocireg_image_export_stream
    absent.each { |name| assert_includes text, "`#{name}`" }
  end

  def test_jobs
    native = Ocireg::Native
    client = given(:client_new, options('{"plain_http": true}'))
    mine = FFI::MemoryPointer.new(:char)
    job = given(:job_new, client, options('{"credentials": true}'), mine)
    assert_equal mine.address, native.ocireg_job_userdata(job).address
    context = native.ocireg_job_context(job)
    repository = new_repository
    blob = "#{repository}@#{self.client.put_blob(repository, "bytes")["digest"]}"
    assert_equal 0, native.ocireg_blob_get_memory(client, context, blob, nil, nil, nil, nil)
    await(client, job, 1)
    assert_equal 0, native.ocireg_job_status(job)
    assert_equal "bytes", native.ocireg_buffer_data(native.ocireg_job_bytes(job)).read_bytes(5)
    assert_equal 5, JSON.parse(native.ocireg_job_json(job))["size"]
    done = FFI::MemoryPointer.new(:uint64)
    native.ocireg_job_progress(job, done, nil)
    assert_equal 5, done.read_uint64
    assert_predicate native.ocireg_job_take_reader(job), :null?
    assert_predicate native.ocireg_job_take_upload(job), :null?

    assert_equal 0, native.ocireg_registry_catalog(client, context, ENV.fetch("OCIREG_TEST_HTPASSWD"), nil, nil, nil)
    await(client, job, 3)
    assert_equal ENV.fetch("OCIREG_TEST_HTPASSWD"), native.ocireg_job_event_text(job)
    assert_equal 0, native.ocireg_job_answer(job, nil, nil)
    await(client, job, 1)
    assert_equal native.ocireg_job_status(job), native.ocireg_error_code(native.ocireg_job_error(job))
    assert_equal 0, native.ocireg_client_quiesce(client, nil)
    assert_equal 0, native.ocireg_job_cancel(job, nil)
    native.ocireg_job_free(job)
    native.ocireg_client_free(client)
  end

  def test_what_blocks_releases_the_lock
    source = File.read(File.expand_path("../lib/ocireg/native.rb", __dir__))
    blocks = HEADER.scan(%r{((?://[^\n]*\n)+)ocireg_status ocireg_(\w+)\(}).select { |text, _| text.match?(/\bBlocks\b/) }
    assert_operator blocks.size, :>, 60
    blocks.each { |_, name| assert_match(/^    blocking :#{name}, /, source) }
  end

  def test_texts_of_the_header_are_constants
    texts = HEADER.scan(/^#define OCIREG_(?:MEDIA_TYPE_(\w+)|(DEFAULT_\w+)) "(.*)"$/)
    assert_operator texts.size, :>, 15
    texts.each { |type, other, text| assert_equal text, type ? Ocireg::MediaType.const_get(type) : Ocireg.const_get(other) }
    assert_equal texts.filter_map(&:first).size, Ocireg::MediaType.constants.size
  end

  def test_there_is_a_class_for_each_code
    codes = HEADER.scan(/^#define OCIREG_([A-Z_]+) (\d+)$/).to_h { |name, code| [code.to_i, name] }
    codes.delete(0)
    codes.reject! { |_, name| name.start_with?("VERSION", "JSON_") }
    assert_equal codes.keys.sort, Ocireg::ERRORS.keys.sort
    Ocireg::ERRORS.each { |code, kind| assert_equal [code, codes[code]], [kind::CODE, kind::NAME] }
  end
end
