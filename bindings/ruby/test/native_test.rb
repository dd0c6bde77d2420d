# frozen_string_literal: true

require_relative "helper"

# Compares the declarations in native.rb with the header.
class NativeTest < OciregTest
  HEADER = File.read(File.expand_path("../../../include/ocireg.h", __dir__))
  TYPES = { "int32_t" => :int32, "ocireg_status" => :int32, "int64_t" => :int64, "uint32_t" => :uint32, "size_t" => :size_t,
            "bool" => :bool, "void" => :void, "const char *" => :string }.freeze

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
    codes.reject! { |_, name| name.start_with?("VERSION") }
    assert_equal codes.keys.sort, Ocireg::ERRORS.keys.sort
    Ocireg::ERRORS.each { |code, kind| assert_equal [code, codes[code]], [kind::CODE, kind::NAME] }
  end
end
