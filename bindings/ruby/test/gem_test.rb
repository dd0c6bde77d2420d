# frozen_string_literal: true

require_relative "helper"
require "fileutils"

# The gem is built, installed into an empty place, and used from there only.
class GemTest < OciregTest
  ROOT = File.expand_path("..", __dir__)

  def run!(environment, *command, **options)
    output = IO.popen([environment, *command, { err: %i[child out], **options }], &:read)
    assert_predicate $?, :success?, "#{command.join(" ")}\n#{output}"
    output
  end

  def test_it_is_built_installed_and_used
    Dir.mktmpdir do |folder|
      # From a copy, so that a build by root leaves nothing in the source tree.
      FileUtils.cp_r(ROOT, "#{folder}/source")
      run!({}, "gem", "build", "--output", "#{folder}/ocireg.gem", "ocireg.gemspec", chdir: "#{folder}/source")
      home = { "GEM_HOME" => "#{folder}/home", "RUBYOPT" => nil, "RUBYLIB" => nil }
      run!(home, "gem", "install", "--local", "--ignore-dependencies", "--no-document", "#{folder}/ocireg.gem")
      image = put_image
      script = <<~RUBY
        require "ocireg"
        raise "another gem" unless $LOADED_FEATURES.grep(%r{/ocireg.rb$}) == [File.join(Gem.loaded_specs["ocireg"].full_gem_path, "lib/ocireg.rb")]
        puts Gem.loaded_specs["ocireg"].full_gem_path, Ocireg::Client.new(plain_http: true).each_tag(#{image.delete_suffix(":one").inspect}).to_a
        require "ocireg/docker_registry2"
      RUBY
      path, *tags = run!(home, RbConfig.ruby, "-e", script, chdir: folder).lines(chomp: true)
      assert path.start_with?("#{folder}/home/gems/ocireg-"), path
      assert_equal %w[one], tags
      %w[README.md LICENSE lib/ocireg/client.rb].each { |file| assert_path_exists "#{path}/#{file}" }
      refute_path_exists "#{path}/test"
    end
  end

  def test_a_library_of_another_version_is_refused
    script = <<~RUBY
      require "ocireg/version"
      Ocireg::VERSION.replace("9.9.9") rescue (Ocireg.send(:remove_const, :VERSION); Ocireg::VERSION = "9.9.9")
      begin
        require "ocireg"
      rescue LoadError => e
        puts e.message
      end
    RUBY
    assert_match(/needs the library of the same version/, run!({}, RbConfig.ruby, "-I", "#{ROOT}/lib", "-e", script))
  end

  def test_a_library_that_is_not_there_is_named_with_the_variable_that_finds_it
    ask = ["-I", "#{ROOT}/lib", "-e", 'begin; require "ocireg"; rescue LoadError => e; puts e.message; end']
    assert_match(%r{\Athe C library libocireg cannot be loaded: OCIREG_LIB names /no/such.so }, run!({ "OCIREG_LIB" => "/no/such.so" }, RbConfig.ruby, *ask))
    installed = run!({ "OCIREG_LIB" => nil, "LD_LIBRARY_PATH" => nil }, RbConfig.ruby, *ask)
    assert_match(/\A(|the C library libocireg cannot be loaded: install it, or set OCIREG_LIB to its path .*)\Z/, installed)
  end

  def test_everything_public_is_documented
    skip "yard is not installed" unless system("which yard >/dev/null 2>&1")
    Dir.mktmpdir do |folder|
      said = run!({}, "yard", "stats", "--list-undoc", "--no-cache", "--no-save", "--db", "#{folder}/db", "lib/**/*.rb", chdir: ROOT)
      assert_includes said, "100.00% documented", said
      refute_match(/\[warn\]/, said)
    end
  end
end
